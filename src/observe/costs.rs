//! What an event has cost.

use std::sync::Arc;

use crate::pricing::{self, Usage};

use super::event::{Ended, Event};
use super::record::Record;

/// Dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    pub input: f64,
    pub output: f64,
    /// With what is neither, such as searches.
    pub total: f64,
}

impl Event {
    /// Dollars. `None` where a price is not known, never 0 then; what was kept is free, and what failed before its first
    /// content.
    pub fn cost(&self) -> Option<f64> {
        self.costs().map(|cost| cost.total)
    }

    /// The same, in its parts.
    pub fn costs(&self) -> Option<Cost> {
        *self.costs.get_or_init(|| self.reckon())
    }

    /// Notes an attempt's cost at its deployment, once.
    pub(super) fn account(&self) {
        let Ended::Attempt(attempt) = &self.ended else { return };
        self.accounted.get_or_init(|| {
            if let (Some(deployment), Some(cost)) = (&attempt.record.deployment, self.cost()) {
                deployment.state.add_spend(cost);
            }
        });
    }

    fn reckon(&self) -> Option<Cost> {
        let failed_early = self.error.is_some() && !self.is_cancelled() && self.told.is_none();
        let Some(record) = self.paid().filter(|_| self.kept().is_none() && !failed_early) else {
            return Some(Cost::default());
        };
        let before = self.joined().map_or(Some(0.0), |joined| joined.cost_before)?;
        let info = self.call.prices.of(record.deployment.as_ref()?, record.model.as_ref()?);
        let Some(usage) = self.own_usage() else {
            // Nobody knows what was used; of what was cancelled before it began, nothing.
            return self.error.as_ref().map(|_| Cost { total: before, ..Cost::default() });
        };
        let total = pricing::cost(&info, &usage)?;
        let tokens = usage.tokens.map(|tokens| pricing::Tokens {
            completion: 0,
            reasoning: 0,
            completion_audio: 0,
            completion_image: 0,
            ..tokens
        });
        let of_input = Usage { tokens, web_searches: 0, ..usage.clone() };
        let input = pricing::cost(&info, &of_input).unwrap_or_default();
        let searches = pricing::cost(&info, &Usage { tokens, ..usage }).map_or(0.0, |both| both - input);
        Some(Cost { input, output: (total - input - searches).max(0.0), total: before + total })
    }

    /// The attempt whose tokens were counted, else the last one.
    fn paid(&self) -> Option<&Record> {
        let counted = self.records().iter().rev().find(|record| record.tokens.is_some());
        counted.map(Arc::as_ref).or_else(|| self.attempt())
    }
}

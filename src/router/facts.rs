//! What a pick looks at of a deployment, in one place: the way through the deployment itself would be a walk through the
//! whole memory where there are a thousand of them.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::deployment::{Cooldown, Deployment, KeyBench, Limits, Moment, State};
use crate::pricing::{self, Unit};
use crate::store::Lease;

/// What a deployment was configured with, and the ways to what changes. What every pick looks at comes first.
#[derive(Clone)]
#[repr(C)]
pub struct Facts {
    pub state: Arc<State>,
    key: Arc<KeyBench>,
    /// `max_parallel_requests`.
    pub slots: Option<u32>,
    pub limits: Limits,
    pub weight: Option<f64>,
    pub rpm: Option<f64>,
    pub tpm: Option<f64>,
    /// What the fleet lets this process use; `None` where nothing is shared.
    pub lease: Option<Arc<Lease>>,
    /// Found out when it is first asked for: whoever does not go by prices never opens the price list.
    cost: OnceLock<Option<f64>>,
}

impl Facts {
    pub fn of(deployment: &Deployment, lease: Option<Arc<Lease>>) -> Self {
        let config = &deployment.config;
        Self {
            state: Arc::clone(&deployment.state),
            key: Arc::clone(&deployment.key),
            slots: config.max_parallel,
            limits: deployment.limits(),
            weight: config.weight,
            rpm: config.rpm,
            tpm: config.tpm,
            lease,
            cost: OnceLock::new(),
        }
    }

    /// Dollars for a token of the prompt and one of the completion; `None` if a price is not known.
    pub fn cost(&self, deployment: &Arc<Deployment>) -> Option<f64> {
        *self.cost.get_or_init(|| {
            let info = pricing::of_deployment(&deployment.config, &deployment.provider, &deployment.model);
            Some(info.price(Unit::InputToken)? + info.price(Unit::OutputToken)?)
        })
    }

    /// Neither it nor its key is benched. Who knows that all keys are free looks at none: each is a line of the cache more.
    #[inline(always)]
    pub fn is_healthy(&self, now: Moment, all_keys_are_free: bool) -> bool {
        self.state.bench.is_free(now) && (all_keys_are_free || self.key.is_free(now))
    }

    /// The cooldown that is running, its own or its key's: the one that ends last.
    pub fn cooldown(&self, now: Instant) -> Option<Cooldown> {
        self.state.bench.cooldown_with(&self.key, now)
    }

    /// Whether this key and all others of the router are free.
    pub fn are_all_keys_free(&self, now: Moment) -> bool {
        self.key.are_all_free(now)
    }
}

#[cfg(test)]
mod tests {
    use crate::config;
    use crate::router::Router;

    fn cost(params: &str) -> Option<f64> {
        let yaml = format!("model_list: [{{model_name: g, litellm_params: {{{params}, mock_response: hi}}}}]");
        let router = Router::new(config::load(&yaml, |_| None).ok().unwrap()).unwrap();
        let member = router.names.groups().next().unwrap().member(0).unwrap();
        member.facts.cost(member.deployment())
    }

    #[test]
    fn a_price_is_the_deployments_own_or_that_of_the_list() {
        let own = "input_cost_per_token: 0.5, output_cost_per_token: 0.25";
        assert_eq!(cost(&format!("model: openai/nobodys, {own}")), Some(0.75));
        assert_eq!(cost("model: openai/nobodys"), None);
        assert_eq!(cost("model: openai/gpt-4o-mini"), Some(0.15e-6 + 0.6e-6));
        assert_eq!(cost("model: openai/gpt-4o-mini, input_cost_per_token: 0, output_cost_per_token: 0"), Some(0.0));
    }
}

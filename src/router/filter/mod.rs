//! Who of a group may answer a request at all, health and limits aside. What is passed over keeps its reason.
//!
//! One filter a file. Each looks at who is left by those before it; one that would leave nobody ends the visit with an
//! error of its own.

mod budget;
mod capability;
mod region;
mod tags;
mod window;

use crate::chat::Request;
use crate::error::Error;

use super::Router;
use super::fallback::Stop;
use super::group::{Group, Member};

/// Those who are passed over.
#[derive(Default)]
pub struct Passed {
    /// By their numbers in the group, each with the reason.
    pub members: Vec<(usize, String)>,
}

impl Passed {
    pub fn numbers(&self) -> Vec<usize> {
        self.members.iter().map(|(index, _)| *index).collect()
    }

    pub fn reason(&self, member: &Member) -> Option<&str> {
        self.members.iter().find(|(index, _)| *index == member.index).map(|(_, reason)| reason.as_str())
    }
}

/// Members that are left, and those that are not.
struct Sieve<'a> {
    left: Vec<&'a Member>,
    passed: Passed,
}

impl Sieve<'_> {
    /// Passes over whom `reason` has a reason for.
    fn drop(&mut self, reason: impl Fn(&Member) -> Option<String>) {
        let passed = &mut self.passed.members;
        self.left.retain(|member| match reason(member) {
            None => true,
            Some(reason) => {
                passed.push((member.index, reason));
                false
            }
        });
    }
}

/// Whether it is the request's tags that say who of a group may answer.
pub fn listens_to_tags(router: &Router, group: &Group, request: &Request) -> bool {
    tags::are_asked_for(&router.config.filters, group, request)
}

/// Who is passed over for this request; an error if everybody is. Nobody who is asked for by its id.
pub fn passed_over(router: &Router, stop: &Stop<'_>) -> Result<Passed, Error> {
    let (group, request) = (stop.lead.group, &*stop.request);
    if group.pinned {
        return Ok(Passed::default());
    }
    let rules = &router.config.filters;
    let by_tags = tags::are_asked_for(rules, group, request);
    let needs = capability::needs(request);
    let checks = rules.pre_call_checks;
    let region = request.options().about().and_then(|about| about.region.as_deref());
    let budgets = !router.budgets.is_empty();
    if !by_tags && needs.is_empty() && !checks && region.is_none() && !budgets {
        return Ok(Passed::default());
    }
    let mut sieve = Sieve { left: group.usable().collect(), passed: Passed::default() };
    if by_tags {
        tags::filter(rules, group, request, &mut sieve)?;
    }
    if let Some(region) = region {
        region::filter(region, &mut sieve)?;
    }
    if budgets {
        budget::filter(&router.budgets, request, &mut sieve)?;
    }
    capability::filter(&needs, &mut sieve)?;
    if checks {
        window::filter(request, &mut sieve)?;
    }
    Ok(sieve.passed)
}

//! The order in which groups are visited. Each at most once a call, so any graph of fallbacks comes to an end.

use crate::chat::Request;
use crate::error::Error;

use super::Router;
use super::groups::Group;

/// Any group without a list of its own.
const ANY: &str = "*";

/// A walk through the groups of one call: the requested one, then fallbacks, those of a failed fallback first.
pub struct Walk<'a> {
    router: &'a Router,
    request: &'a Request,
    start: Option<&'a Group>,
    visited: Vec<&'a str>,
    /// Names still to come; the next one is the last.
    pending: Vec<&'a str>,
    left: usize,
}

/// The next thing to do.
pub enum Step<'a> {
    Visit(&'a Group),
    /// A target that leads nowhere.
    Skip {
        group: &'a str,
        reason: String,
    },
}

impl<'a> Walk<'a> {
    /// An error if the requested name leads nowhere.
    pub fn new(router: &'a Router, request: &'a Request) -> Result<Self, Error> {
        let start = Some(router.groups.resolve(request.model())?);
        let left = router.config.fallback.max_fallbacks;
        Ok(Self { router, request, start, visited: Vec::new(), pending: Vec::new(), left })
    }

    /// The next group, after the one before it failed.
    pub fn next(&mut self) -> Option<Step<'a>> {
        if let Some(group) = self.start.take() {
            self.visited.push(&group.name);
            self.expect_fallbacks(group);
            return Some(Step::Visit(group));
        }
        while let Some(name) = self.pending.pop() {
            let group = match self.router.groups.resolve(name) {
                Ok(group) => group,
                Err(error) => return Some(Step::Skip { group: name, reason: error.message().to_owned() }),
            };
            if self.visited.contains(&&*group.name) {
                continue;
            }
            self.left = self.left.checked_sub(1)?;
            self.visited.push(&group.name);
            self.expect_fallbacks(group);
            return Some(Step::Visit(group));
        }
        None
    }

    fn expect_fallbacks(&mut self, group: &Group) {
        let options = self.request.options();
        let first = self.visited.len() == 1;
        if options.disable_fallbacks {
            return;
        }
        let targets = match &options.fallbacks {
            // The request's list stands in the place of every configured one.
            Some(targets) => first.then_some(targets),
            None => self.configured(group, first),
        };
        self.pending.extend(targets.into_iter().flatten().rev().map(String::as_str));
    }

    /// The list of the name that was asked for, else of the group that it means, else of any group.
    fn configured(&self, group: &Group, first: bool) -> Option<&'a Vec<String>> {
        let lists = &self.router.config.fallback.generic;
        let own = lists.get(&*group.name);
        if !first {
            return own;
        }
        lists.get(self.request.model()).or(own).or_else(|| lists.get(ANY))
    }
}

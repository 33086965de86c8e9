//! The order in which groups are visited. Each at most once a call, so any graph of fallbacks comes to an end.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use crate::chat::{Fallbacks, Request};
use crate::error::{Error, ErrorKind};
use crate::policy::{ANY, Lists, Target, maker_of};

use super::Router;
use super::group::Member;
use super::held::Held;
use super::names::{How, Lead};
use super::view::View;

/// The option is for the group that was asked for: its fallbacks are to show that they answer.
const MOCK_TIMEOUT: &str = "mock_timeout";

/// A walk through the groups of one call: the requested one, then fallbacks, those of a failed fallback first.
pub struct Walk<'a> {
    router: &'a Router,
    request: &'a Request,
    start: Option<Stop<'a>>,
    /// The group where the walk began: with the name that was asked for it finds the fallbacks of whoever has none.
    origin: Option<&'a str>,
    /// Why the name that was asked for leads nowhere, if it does and others answer in its stead.
    nowhere: Option<Error>,
    visited: Vec<Arc<str>>,
    /// Targets that were told to lead nowhere.
    told: Vec<&'a str>,
    /// Still to come; the next one is the last.
    pending: Vec<Pending<'a>>,
    left: usize,
}

struct Pending<'a> {
    target: &'a Target,
    /// The prompt was too long for a window of this size.
    beyond: Option<f64>,
}

/// One group to visit.
pub struct Stop<'a> {
    /// The name under which it was asked for.
    pub asked: &'a str,
    pub lead: Lead<'a>,
    /// The caller's own request, or what the fallback makes of it.
    pub request: Held<'a, Request>,
    /// The one that the caller asked for.
    pub first: bool,
}

/// The next thing to do.
pub enum Step<'a> {
    Visit(Stop<'a>),
    /// A target that can't be visited.
    Skip {
        group: &'a str,
        reason: String,
    },
}

impl Stop<'_> {
    /// An error if the member can't take the request.
    pub fn fits(&self, member: &Member) -> Result<(), Error> {
        self.lead.endpoint(member)?.encode(&self.request).map(|_| ())
    }

    /// The error of a visit that found nobody free.
    /// Those who were passed over are none of them.
    pub fn nobody(&self, view: &View, passed: &[usize]) -> Error {
        self.lead.group.nobody(view, |member| !passed.contains(&member.index) && self.fits(member).is_ok())
    }
}

impl<'a> Walk<'a> {
    /// An error if the requested name leads nowhere, and nobody answers in its stead.
    pub fn new(router: &'a Router, request: &'a Request) -> Result<Self, Error> {
        let (asked, options) = (request.model(), request.options());
        let mut walk = Self {
            router,
            request,
            start: None,
            origin: None,
            nowhere: None,
            visited: Vec::new(),
            told: Vec::new(),
            pending: Vec::new(),
            left: router.config.fallback.max_fallbacks,
        };
        let lead = router.names.resolve(asked, options.specific_deployment);
        let lead = lead.or_else(|nowhere| walk.default_fallback().ok_or(nowhere));
        match lead {
            Ok(lead) => walk.start = Some(Stop { asked, lead, request: Held::Borrowed(request), first: true }),
            Err(nowhere) => {
                walk.follow(walk.targets(&keys(&[asked]), true, &nowhere), None);
                if walk.pending.is_empty() {
                    return Err(nowhere);
                }
                walk.nowhere = Some(nowhere);
            }
        }
        Ok(walk)
    }

    /// In the stead of a name that leads nowhere.
    fn default_fallback(&self) -> Option<Lead<'a>> {
        let target = self.generic()?.get(ANY)?.first()?;
        let mut lead = self.router.names.resolve(&target.group, false).ok()?;
        lead.how = How::DefaultFallback;
        Some(lead)
    }

    /// The caller's own request.
    pub fn request(&self) -> &'a Request {
        self.request
    }

    /// Why the name that was asked for leads nowhere, while the walk goes on to its fallbacks.
    pub fn nowhere(&mut self) -> Option<Error> {
        self.nowhere.take()
    }

    /// The next group, after [`Self::failed`] said how the one before it ended.
    pub fn next(&mut self) -> Option<Step<'a>> {
        if let Some(start) = self.start.take() {
            self.visited.push(Arc::clone(&start.lead.name));
            self.origin = Some(&start.lead.group.name);
            return Some(Step::Visit(start));
        }
        while let Some(Pending { target, beyond }) = self.pending.pop() {
            let asked = target.group.as_str();
            let skip = |reason: String| Some(Step::Skip { group: asked, reason });
            let lead = match self.router.names.resolve(asked, false) {
                Ok(lead) => lead,
                Err(_) if self.told.contains(&asked) => continue,
                Err(error) => {
                    self.told.push(asked);
                    return skip(error.message().to_owned());
                }
            };
            if self.visited.contains(&lead.name) {
                continue;
            }
            let too_small = |beyond: f64| lead.group.window().filter(|window| *window <= beyond);
            if let Some(window) = beyond.and_then(too_small) {
                return skip(format!("its context window of {window} tokens is no larger"));
            }
            let request = match self.request_for(target) {
                Ok(request) => request,
                Err(reason) => return skip(reason),
            };
            self.left = self.left.checked_sub(1)?;
            self.visited.push(Arc::clone(&lead.name));
            return Some(Step::Visit(Stop { asked, lead, request, first: false }));
        }
        None
    }

    /// Every attempt is made from the caller's own request; what one fallback changes is not seen by the next.
    fn request_for(&self, target: &Target) -> Result<Held<'a, Request>, String> {
        let mut changes = Cow::Borrowed(&target.changes);
        if self.request.options().mock_timeout && !changes.contains_key(MOCK_TIMEOUT) {
            changes.to_mut().insert(MOCK_TIMEOUT.to_owned(), Value::Bool(false));
        }
        if changes.is_empty() {
            return Ok(Held::Borrowed(self.request));
        }
        let changed = self.request.changed(&changes);
        changed.map(|request| Held::Made(Box::new(request))).map_err(|error| error.to_string())
    }

    /// Takes in how a visit failed: its fallbacks come next.
    pub fn failed(&mut self, stop: &Stop<'a>, error: &Error) {
        let beyond = (error.kind() == ErrorKind::ContextWindowExceeded).then(|| stop.lead.group.window()).flatten();
        self.follow(self.targets_after(stop, error), beyond);
    }

    /// Who answers after such a failure of this stop.
    pub fn targets_after(&self, stop: &Stop<'a>, error: &Error) -> &'a [Target] {
        self.targets(&self.keys_of(stop), stop.first, error)
    }

    fn follow(&mut self, targets: &'a [Target], beyond: Option<f64>) {
        self.pending.extend(targets.iter().rev().map(|target| Pending { target, beyond }));
    }

    /// The names under which the stop's fallbacks stand; then those of the first stop.
    fn keys_of(&self, stop: &Stop<'a>) -> Vec<String> {
        let asked = self.request.model();
        keys(&[stop.asked, &stop.lead.group.name, asked, self.origin.unwrap_or(asked)])
    }

    /// Who answers after such a failure.
    fn targets(&self, keys: &[String], first: bool, error: &Error) -> &'a [Target] {
        let options = self.request.options();
        if options.disable_fallbacks {
            return &[];
        }
        if let Some(Fallbacks::Targets(targets)) = &options.fallbacks {
            return if first { targets } else { &[] };
        }
        let lists = match error.kind() {
            ErrorKind::ContextWindowExceeded => self.context_window().or(self.generic()),
            ErrorKind::ContentPolicyViolation => self.content_policy().or(self.generic()),
            _ => self.generic(),
        };
        lists.and_then(|lists| lists.find(keys.iter().map(String::as_str))).unwrap_or_default()
    }

    fn generic(&self) -> Option<&'a Lists> {
        match &self.request.options().fallbacks {
            Some(Fallbacks::Lists(lists)) => Some(lists),
            Some(Fallbacks::Targets(_)) => None,
            None => Some(&self.router.config.fallback.generic),
        }
    }

    fn context_window(&self) -> Option<&'a Lists> {
        let asked = self.request.options().context_window_fallbacks.as_ref();
        asked.or(self.router.config.fallback.context_window.as_ref())
    }

    fn content_policy(&self) -> Option<&'a Lists> {
        let asked = self.request.options().content_policy_fallbacks.as_ref();
        asked.or(self.router.config.fallback.content_policy.as_ref())
    }

    /// Whether any answer that a content filter cut may have another in its stead: with lists of its own, or the list for
    /// any group.
    pub fn replaces_filtered(&self) -> bool {
        let any = || self.generic().is_some_and(|lists| lists.get(ANY).is_some());
        !self.request.options().disable_fallbacks && (self.content_policy().is_some() || any())
    }

    /// Whether somebody is left to answer in the stead of this stop's filtered answer.
    pub fn has_other_for_filtered(&self, stop: &Stop<'a>) -> bool {
        let keys = self.keys_of(stop);
        let lists = self.content_policy().or(self.generic());
        let targets = lists.and_then(|lists| lists.find(keys.iter().map(String::as_str))).unwrap_or_default();
        let unvisited = |target: &Target| {
            let lead = self.router.names.resolve(&target.group, false);
            lead.is_ok_and(|lead| !self.visited.contains(&lead.name))
        };
        self.left > 0 && targets.iter().any(unvisited)
    }

    /// How many groups may follow this stop, as far as can be seen from it.
    pub fn ahead(&self, stop: &Stop<'a>) -> usize {
        let fails = Error::new(ErrorKind::InternalServer, "");
        let own = self.targets_after(stop, &fails);
        let mut names: Vec<Arc<str>> = Vec::new();
        for target in own.iter().chain(self.pending.iter().map(|pending| pending.target)) {
            let Ok(lead) = self.router.names.resolve(&target.group, false) else { continue };
            if !self.visited.contains(&lead.name) && !names.contains(&lead.name) {
                names.push(lead.name);
            }
        }
        names.len().min(self.left)
    }
}

/// Each name as it is, then without its provider, then with its maker: a key may leave the provider out, or add it.
fn keys(names: &[&str]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for name in names {
        let bare = name.split_once('/').map(|(_, bare)| bare.to_owned());
        let full = maker_of(name).map(|maker| format!("{maker}/{name}"));
        for key in [Some((*name).to_owned()), bare, full].into_iter().flatten() {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    keys
}

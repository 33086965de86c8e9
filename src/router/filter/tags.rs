//! Tags: a request is answered by deployments that share its tags, one without tags by those for anybody.

use regex_lite::Regex;

use crate::chat::Request;
use crate::config::FilterConfig;
use crate::error::{Error, ErrorKind};

use super::super::group::{Group, Member};
use super::Sieve;

/// For requests without tags, and for those whose tags nobody has.
const DEFAULT: &str = "default";
const SETTING: &str = "enable_tag_filtering";

/// Whether tags have a say: the request's word, else that of the group's deployments, else the router's.
pub fn are_asked_for(rules: &FilterConfig, group: &Group, request: &Request) -> bool {
    let by_request = request.options().about().is_some_and(|about| about.filters_tags);
    if by_request || (!rules.has_tags && !rules.tags) {
        return by_request;
    }
    let own = |member: &Member| {
        let config = &member.deployment().config;
        config.info.flag(SETTING).or_else(|| config.settings.flag(SETTING))
    };
    group.usable().find_map(own).unwrap_or(rules.tags)
}

/// What a request wants of tags.
struct Wanted<'a> {
    any: Vec<&'a str>,
    none: Vec<&'a str>,
    all: Vec<&'a str>,
}

impl<'a> Wanted<'a> {
    fn of(tags: &'a [String]) -> Self {
        let with = |sign: char| tags.iter().filter_map(|tag| tag.strip_prefix(sign)).collect::<Vec<_>>();
        let plain = tags.iter().map(String::as_str).filter(|tag| !tag.starts_with(['!', '&'])).collect();
        Self { any: plain, none: with('!'), all: with('&') }
    }
}

pub fn filter(rules: &FilterConfig, group: &Group, request: &Request, sieve: &mut Sieve<'_>) -> Result<(), Error> {
    let about = request.options().about();
    let tags = about.map(|about| about.tags.as_slice()).unwrap_or_default();
    let agent = about.and_then(|about| about.user_agent.as_deref()).map(|agent| format!("User-Agent: {agent}"));
    let wanted = Wanted::of(tags);
    let Wanted { any, none, all } = &wanted;
    let by_agent = |member: &Member| agent.as_ref().is_some_and(|agent| matches(member, agent));
    let shares = |member: &Member| {
        let has = |tag: &&str| has(member, tag);
        let some = if rules.match_any { any.iter().any(has) } else { any.iter().all(has) };
        (!any.is_empty() && some) || by_agent(member)
    };
    let is_default = |member: &Member| has(member, DEFAULT);
    let pool = |member: &&Member| is_default(member);
    let fits: Box<dyn Fn(&Member) -> bool> = if any.is_empty() && !sieve.left.iter().any(|member| by_agent(member)) {
        // Only what must be and must not be, if anything.
        let only_all = !all.is_empty();
        let has_default = sieve.left.iter().any(pool);
        Box::new(move |member: &Member| only_all || !has_default || is_default(member))
    } else if sieve.left.iter().any(|member| shares(member)) {
        Box::new(shares)
    } else {
        let known = any.iter().any(|tag| group.usable().any(|member| has(member, tag)));
        Box::new(move |member: &Member| !known && is_default(member))
    };
    let keeps = |member: &Member| {
        fits(member) && none.iter().all(|tag| !has(member, tag)) && all.iter().all(|tag| has(member, tag))
    };
    let failing_open = |member: &&Member| member.deployment().config.info.flag("allow_fail_open") == Some(true);
    if !sieve.left.iter().any(|member| keeps(member)) {
        if any.is_empty() && all.is_empty() && sieve.left.iter().any(failing_open) {
            return Ok(());
        }
        let message =
            format!("not allowed to access model due to tags configuration: model {}, tags {tags:?}", request.model());
        return Err(Error::new(ErrorKind::BadRequest, message));
    }
    sieve.drop(|member| (!keeps(member)).then(|| format!("its tags do not go with {tags:?}")));
    Ok(())
}

fn has(member: &Member, tag: &str) -> bool {
    member.deployment().config.settings.texts("tags").any(|own| own == tag)
}

/// Whether one of a deployment's expressions is found in a line. Those that can't be read were told at load.
fn matches(member: &Member, line: &str) -> bool {
    let mut all = member.deployment().config.settings.texts("tag_regex");
    all.any(|expression| Regex::new(expression).is_ok_and(|expression| expression.is_match(line)))
}

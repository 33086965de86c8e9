//! What would happen to a request: the same rules as a call, without sending anything.

use serde_json::{Map, Value, json};

use crate::chat::{Fallbacks, Request};
use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::policy::Target;

use super::Router;
use super::candidates::{Round, level};
use super::fallback::{Step, Stop, Walk};
use super::filter::{self, Passed};
use super::group::Member;
use super::retry::Rules;
use super::timeout::{Bounds, of_attempt};
use super::view::View;

/// The plan: the groups in the order in which they would be visited if each failed with a server's fault, and of each
/// its deployments with their chance to be asked first, or why they would be passed over.
pub fn plan(router: &Router, request: &Request) -> Result<Value, Error> {
    let bounds = Bounds::new(router, request, clock::now());
    let mut walk = Walk::new(router, request)?;
    let (mut groups, mut order, mut resolved) = (Vec::new(), Vec::new(), Value::Null);
    if let Some(nowhere) = walk.nowhere() {
        groups.push(passed_over(request.model(), nowhere.message()));
    }
    let fails = Error::new(ErrorKind::InternalServer, "as if");
    let mut instead = Value::Null;
    while let Some(step) = walk.next() {
        match step {
            Step::Skip { group, reason } => groups.push(passed_over(group, &reason)),
            Step::Visit(stop) => {
                if stop.first {
                    resolved = json!({"group": &*stop.lead.name, "how": stop.lead.how.name()});
                    instead = of_kinds(&walk, &stop);
                }
                let group = group(router, &stop, &bounds);
                if group.get("skipped") == Some(&Value::Null) {
                    order.push(Value::from(&*stop.lead.name));
                }
                groups.push(group);
                walk.failed(&stop, &fails);
            }
        }
    }
    Ok(json!({
        "model": request.model(),
        "resolved": resolved,
        "strategy": router.config.routing.strategy.name,
        "order": order,
        "groups": groups,
        "fallbacks": instead,
        "max_fallbacks": router.config.fallback.max_fallbacks,
        "deadline": bounds.deadline().map(|deadline| deadline.as_secs_f64()),
    }))
}

fn passed_over(group: &str, reason: &str) -> Value {
    json!({"name": group, "asked": group, "how": null, "skipped": reason, "strategy": null, "retries": null, "deployments": []})
}

/// The targets for each kind of failure of the group that was asked for.
fn of_kinds(walk: &Walk<'_>, stop: &Stop<'_>) -> Value {
    let names = |kind| -> Vec<&str> {
        let targets: &[Target] = walk.targets_after(stop, &Error::new(kind, ""));
        targets.iter().map(|target| target.group.as_str()).collect()
    };
    let by_request = matches!(stop.request.options().fallbacks, Some(Fallbacks::Targets(_)));
    json!({
        "generic": names(ErrorKind::InternalServer),
        "context_window": names(ErrorKind::ContextWindowExceeded),
        "content_policy": names(ErrorKind::ContentPolicyViolation),
        "source": if by_request { "request" } else { "lists" },
    })
}

fn group(router: &Router, stop: &Stop<'_>, bounds: &Bounds) -> Value {
    let (group, now) = (stop.lead.group, clock::now());
    let view = View::new(router, group, &stop.request, stop.request.options().stream);
    let (passed, refused) = match filter::passed_over(router, stop) {
        Ok(passed) => (passed, None),
        Err(error) => (Passed::default(), Some(error)),
    };
    let round = Round { order: None, excluded: passed.numbers(), view, call_start: bounds.start() };
    let misfit = |member: &Member| stop.fits(member).err();
    let free = group.free(&view, now);
    let members = level(group, &round, free);
    let fitting: Vec<&Member> = members.iter().filter(|member| misfit(member).is_none()).copied().collect();
    let shares = view.strategy.shares(&fitting.iter().map(|member| view.candidate(member, now)).collect::<Vec<_>>());
    let share_of = |member: &Member| {
        let place = fitting.iter().position(|fit| fit.index == member.index)?;
        shares.get(place).copied()
    };
    let later = |member: &Member| group.order_after(None).is_some() && member.order().is_some();
    let mut deployments: Vec<(usize, Value)> = Vec::new();
    for member in group.usable() {
        let skipped = if let Some(reason) = passed.reason(member) {
            Some(reason.to_owned())
        } else if !free(&member) {
            Some(unfree(member, &view))
        } else if let Some(error) = misfit(member) {
            Some(error.message().to_owned())
        } else if members.iter().any(|taken| taken.index == member.index) {
            None
        } else if later(member) {
            Some("asked only when those of a lower order have failed".to_owned())
        } else {
            Some("it has no order, and others have one".to_owned())
        };
        let model = stop.lead.endpoint(member).map_or_else(|_| stop.lead.name.to_string(), |e| e.model().to_string());
        let timeout = of_attempt(&stop.request, member.deployment(), &router.config.timeouts).time.as_secs_f64();
        deployments.push((member.place, entry(member, &model, &view, share_of(member), timeout, skipped)));
    }
    for outsider in group.unusable() {
        let deployment = &outsider.deployment;
        let value = json!({
            "id": deployment.id(), "provider": deployment.provider, "model": deployment.model,
            "order": deployment.config.order, "share": 0.0, "score": null, "in_flight": 0, "timeout": null,
            "skipped": outsider.why.message(),
        });
        deployments.push((outsider.place, value));
    }
    deployments.sort_by_key(|(place, _)| *place);
    let names = [stop.asked, &*group.name];
    let rules = Rules::new(&router.config.retry, &stop.request, names);
    let nobody = fitting.is_empty().then(|| match members.first().and_then(|member| misfit(member)) {
        Some(error) => error.message().to_owned(),
        None => stop.nobody(&view, &passed.numbers()).message().to_owned(),
    });
    let nobody = refused.map(|error| error.message().to_owned()).or(nobody);
    let mut value = Map::new();
    value.insert("name".to_owned(), Value::from(&*stop.lead.name));
    value.insert("asked".to_owned(), Value::from(stop.asked));
    value.insert("how".to_owned(), Value::from(stop.lead.how.name()));
    value.insert("skipped".to_owned(), Value::from(nobody));
    value.insert("strategy".to_owned(), Value::from(view.strategy.name()));
    value.insert("retries".to_owned(), group.usable().next().map_or(Value::Null, |member| rules.usual(member).into()));
    value.insert("deployments".to_owned(), deployments.into_iter().map(|(_, value)| value).collect());
    Value::Object(value)
}

/// `share`: the chance to be asked first, from 0 to 1.
fn entry(
    member: &Member,
    model: &str,
    view: &View,
    share: Option<f64>,
    timeout: f64,
    skipped: Option<String>,
) -> Value {
    let deployment = member.deployment();
    json!({
        "id": deployment.id(),
        "provider": deployment.provider,
        "model": model,
        "order": member.order(),
        "share": share.unwrap_or(0.0),
        "score": view.strategy.score(&view.candidate(member, clock::now())),
        "in_flight": deployment.in_flight(),
        "timeout": timeout,
        "skipped": skipped,
    })
}

fn unfree(member: &Member, view: &View) -> String {
    let (deployment, now) = (member.deployment(), clock::now());
    if let (None, Some(obstacle)) = (deployment.benched_for(now), view.obstacle(member, now)) {
        return obstacle.reason();
    }
    let seconds = deployment.benched_for(now).unwrap_or_default().as_secs_f64();
    let cooldown = deployment.cooldown(now);
    let cause = cooldown.as_ref().map_or("", |cooldown| cooldown.cause);
    let told = if cooldown.is_some_and(|cooldown| cooldown.from_fleet) { ", as another process told" } else { "" };
    format!("cools down after {cause} for another {seconds:.1} s{told}")
}

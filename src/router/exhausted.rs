//! `on_exhausted: wait`: a call waits until somebody is free again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::chat::Request;
use crate::clock;
use crate::error::Error;

use super::Router;
use super::fallback::{Step, Walk};
use super::filter::passed_over;
use super::group::Member;
use super::line::Line;
use super::timeout::{Bounds, longest_wait};
use super::trail::Trail;
use super::view::{Obstacle, View};

/// Waits until the first deployment that can take the request returns, behind those who wait for the same group and are not less urgent. The error of a call that may not
/// wait, or not for that long.
pub async fn wait_for_somebody(
    router: &Router,
    request: &Request,
    nobody: Error,
    trail: &mut Trail,
    bounds: &Bounds,
) -> Result<(), Error> {
    let (options, routing) = (request.options(), &router.config.routing);
    let priority = options.priority.or(routing.default_priority);
    let waits = options.wait_when_exhausted.unwrap_or(routing.wait_when_exhausted || priority.is_some());
    let (Some(first), true) = (first_return(router, request), waits) else {
        return Err(nobody);
    };
    let patience = match bounds.left() {
        Some(left) => left,
        None => longest_wait(request, &router.config.timeouts).saturating_sub(bounds.spent()),
    };
    // Without a deadline there is no moment at which the caller expects to hear of a wait that is too long.
    if bounds.left().is_none() && first > patience {
        return Err(nobody);
    }
    // The first in the line sleeps, the others behind it: they go by their priority, and then in the order in which they came.
    let mut turn = Box::pin(async {
        let Some(line) = line_of(router, request) else { return };
        let _first = line.turn(priority.unwrap_or_default()).await;
        while let Some(wait) = first_return(router, request).filter(|wait| !wait.is_zero()) {
            clock::sleep(wait).await;
        }
    });
    let _counted = Counted::in_line(&router.waiting);
    let waiting = Box::pin(clock::within(patience, turn.as_mut()));
    trail.waited.during(waiting).await.ok_or(nobody)
}

/// One of those who wait, until it is dropped.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn in_line(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where the callers of the asked-for group wait.
fn line_of<'a>(router: &'a Router, request: &'a Request) -> Option<&'a Line> {
    let mut walk = Walk::new(router, request).ok()?;
    std::iter::from_fn(|| walk.next()).find_map(|step| match step {
        Step::Visit(stop) => Some(stop.lead.group.line()),
        Step::Skip { .. } => None,
    })
}

/// The time until the first of all deployments that could answer is free; `None` if none ever will be.
fn first_return(router: &Router, request: &Request) -> Option<Duration> {
    let now = clock::now();
    let mut walk = Walk::new(router, request).ok()?;
    let mut first: Option<Duration> = None;
    while let Some(step) = walk.next() {
        let Step::Visit(stop) = step else { continue };
        let view = View::new(router, stop.lead.group, &stop.request, request.options().stream);
        // A group that nobody of may answer has nobody to wait for.
        let passed = passed_over(router, &stop).map_or_else(|_| None, |passed| Some(passed.numbers()));
        let left = |member: &&Member| passed.as_ref().is_some_and(|passed| !passed.contains(&member.index));
        for member in stop.lead.group.usable().filter(left).filter(|member| stop.fits(member).is_ok()) {
            let minute = match view.obstacle(member, now) {
                Some(Obstacle::Minute(Some(wait)) | Obstacle::StoreAway(wait)) => wait,
                Some(Obstacle::Minute(None)) => continue,
                Some(Obstacle::Slots(_)) | None => Duration::ZERO,
            };
            let left = member.deployment().benched_for(now).unwrap_or_default().max(minute);
            first = Some(first.map_or(left, |first| first.min(left)));
        }
        walk.failed(&stop, &stop.nobody(&view, passed.as_deref().unwrap_or_default()));
    }
    first
}

//! One call: for each group, for each attempt. Whole answers and streams both come through here.

use crate::clock;
use crate::error::Error;
use crate::provider::{Answer, Opened};

use super::candidates::{Choice, choose};
use super::fallback::{Step, Walk};
use super::groups::Group;
use super::ledger::{Attempt, Trail};
use super::retry::Retries;
use super::{Router, attempt_timeout};
use crate::chat::Request;

/// What a call brings back: the attempt loop does not look inside.
pub trait Form {
    type Output: Send;

    /// Takes the answer in, once its status is good. What fails here is tried again like all else.
    fn receive(&self, opened: Opened<'_>) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

/// The answer as a whole.
pub struct Whole;

impl Form for Whole {
    type Output = Answer;

    async fn receive(&self, opened: Opened<'_>) -> Result<Answer, Error> {
        opened.whole().await
    }
}

/// Answers from the first group that can; if none can, the error is the first group's last one.
pub async fn run<F: Form>(router: &Router, request: &Request, form: &F, trail: &mut Trail) -> Result<F::Output, Error> {
    let mut walk = Walk::new(router, request)?;
    let mut first: Option<Error> = None;
    while let Some(step) = walk.next() {
        let error = match step {
            Step::Skip { group, reason } => {
                trail.skip_group(group, reason);
                continue;
            }
            Step::Visit(group) => match in_group(router, group, request, form, trail).await {
                Ok(output) => return Ok(output),
                Err(error) => error,
            },
        };
        first = Some(match first {
            Some(first) => first.or_sooner(Some(&error)),
            None => error,
        });
    }
    Err(first.unwrap_or_else(|| Error::bad_request("no model group could be visited")))
}

/// Attempts within one group: an untried deployment at once, a tried one not before its time.
async fn in_group<F: Form>(
    router: &Router,
    group: &Group,
    request: &Request,
    form: &F,
    trail: &mut Trail,
) -> Result<F::Output, Error> {
    let mut retries = Retries::new(&router.config.retry, request.options().num_retries);
    loop {
        let (member, wait) = match choose(group, &retries) {
            Choice::Member { member, wait } => (member, wait),
            Choice::Nobody(nobody) => {
                return Err(retries.into_last_error().unwrap_or_else(|| {
                    trail.skip_group(&group.name, nobody.message().to_owned());
                    nobody
                }));
            }
            Choice::TooLate => return Err(retries.into_last_error().unwrap_or_else(|| group.nobody())),
        };
        let encoded = match member.endpoint.encode(request) {
            Ok(encoded) => encoded,
            Err(error) => {
                trail.skip_deployment(&group.name, member.deployment(), error.message());
                retries.rule_out(member.index, error);
                continue;
            }
        };
        trail.drop_params(&encoded.dropped);
        if !wait.is_zero() {
            trail.waited.during(Box::pin(clock::sleep(wait))).await;
        }

        let attempt = Attempt::begin(&group.name, member.deployment(), &router.config.cooldown, group.len());
        let timeout = attempt_timeout(request, member.deployment(), &router.config.timeouts);
        // Boxed, so that the call's own future stays in the sizes that the allocator has at hand.
        let outcome = match Box::pin(member.endpoint.open(request, encoded, timeout, &trail.waited)).await {
            Ok(opened) => Box::pin(form.receive(opened)).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(output) => {
                trail.push(attempt.succeeded());
                return Ok(output);
            }
            Err(error) => {
                trail.push(attempt.failed(&error));
                if let Some(error) = retries.give_up(error, group, member) {
                    return Err(error);
                }
            }
        }
    }
}

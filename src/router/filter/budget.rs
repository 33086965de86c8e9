//! Budgets that are spent rest until they begin anew.

use crate::chat::Request;
use crate::clock;
use crate::error::{Error, ErrorKind};

use super::super::budget::Budgets;
use super::Sieve;

pub fn filter(budgets: &Budgets, request: &Request, sieve: &mut Sieve<'_>) -> Result<(), Error> {
    let tags = request.tags();
    let now = clock::now();
    let over = |member: &super::Member| budgets.over(member.deployment(), tags, now);
    let first = sieve.left.iter().filter_map(|member| over(member)).min_by_key(|over| over.wait);
    sieve.drop(|member| over(member).map(|over| over.reason));
    match first {
        Some(first) if sieve.left.is_empty() => {
            Err(Error::new(ErrorKind::BudgetExceeded, first.reason).with_retry_after(Some(first.wait)))
        }
        _ => Ok(()),
    }
}

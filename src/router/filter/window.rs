//! `enable_pre_call_checks`: prompts that are longer than a deployment's window, as far as anybody knows, are not sent to it.

use crate::chat::Request;
use crate::error::{Error, ErrorKind};
use crate::tokens::Prompt;

use super::super::group::Member;
use super::Sieve;

pub fn filter(request: &Request, sieve: &mut Sieve<'_>) -> Result<(), Error> {
    let prompt = Prompt::of(request);
    // The window, and the prompt's tokens for this model.
    let measured = |member: &Member| {
        let window = member.info().max_input_tokens?;
        Some((window, prompt.tokens(member.base_model(), window)))
    };
    let mut windows: Vec<(u64, u64)> = sieve.left.iter().filter_map(|member| measured(member)).collect();
    sieve.drop(|member| {
        let (window, tokens) = measured(member).filter(|(window, tokens)| tokens > window)?;
        Some(format!("its context window of {window} tokens is smaller than the prompt of about {tokens}"))
    });
    windows.sort_unstable();
    if let (true, Some((_, tokens))) = (sieve.left.is_empty(), windows.last().copied()) {
        let mut windows: Vec<u64> = windows.into_iter().map(|(window, _)| window).collect();
        windows.dedup();
        let message = format!("the prompt of about {tokens} tokens is longer than every context window: {windows:?}");
        return Err(Error::new(ErrorKind::ContextWindowExceeded, message));
    }
    Ok(())
}

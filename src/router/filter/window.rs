//! `enable_pre_call_checks`: prompts that are longer than a deployment's window, by estimate, are not sent to it.

use crate::chat::Request;
use crate::error::{Error, ErrorKind};
use crate::tokens;

use super::Sieve;

pub fn filter(request: &Request, sieve: &mut Sieve<'_>) -> Result<(), Error> {
    let tokens = tokens::estimate(request.prompt_characters());
    let mut windows: Vec<u64> = sieve.left.iter().filter_map(|member| member.info().max_input_tokens).collect();
    sieve.drop(|member| {
        let window = member.info().max_input_tokens.filter(|window| tokens > *window)?;
        Some(format!("its context window of {window} tokens is smaller than the prompt of about {tokens}"))
    });
    if sieve.left.is_empty() && !windows.is_empty() {
        windows.sort_unstable();
        windows.dedup();
        let message = format!("the prompt of about {tokens} tokens is longer than every context window: {windows:?}");
        return Err(Error::new(ErrorKind::ContextWindowExceeded, message));
    }
    Ok(())
}

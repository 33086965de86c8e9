//! What a request needs and a model is known to lack: nobody is asked who can only refuse.

use memchr::memmem;

use crate::chat::{Request, Verb};
use crate::error::{Error, ErrorKind};
use crate::pricing::Capability;

use super::Sieve;

/// Needs, by the parameter or the part that shows them.
pub fn needs(request: &Request) -> Vec<(Capability, &'static str)> {
    if request.verb() != Verb::Chat {
        return Vec::new();
    }
    let given = |name: &str| request.get(name).is_some_and(|text| !matches!(text.trim(), "null" | "[]" | "\"none\""));
    // The prompt may be long, and every call comes by: the fast search.
    let says = |name: &str, word: &str| {
        request.get(name).is_some_and(|text| memmem::find(text.as_bytes(), word.as_bytes()).is_some())
    };
    let mut needs = Vec::new();
    let mut need = |is: bool, capability, name| {
        if is {
            needs.push((capability, name));
        }
    };
    need(given("tools") || given("functions"), Capability::FunctionCalling, "tools");
    need(says("response_format", "json_schema"), Capability::ResponseSchema, "response_format");
    need(says("messages", "\"image_url\""), Capability::Vision, "image_url");
    need(says("messages", "\"input_audio\""), Capability::AudioInput, "input_audio");
    needs
}

pub fn filter(needs: &[(Capability, &'static str)], sieve: &mut Sieve<'_>) -> Result<(), Error> {
    for (capability, name) in needs {
        let any = !sieve.left.is_empty();
        sieve.drop(|member| {
            let lacks = member.info().supports(*capability) == Some(false);
            lacks.then(|| format!("its model is known not to support {name}"))
        });
        if any && sieve.left.is_empty() {
            let message = format!("no deployment's model supports {name}");
            return Err(Error::new(ErrorKind::BadRequest, message));
        }
    }
    Ok(())
}

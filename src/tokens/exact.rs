//! Tokens counted by OpenAI's vocabularies. Each is loaded once, in the background, when somebody may come to need it; until
//! it is there, nobody can count by it, and nobody waits for it.

use std::cell::OnceCell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tiktoken_rs::CoreBPE;

use crate::chat::{Part, Request, each_part};

use super::{Preparation, Spent};

/// Longer prompts and answers are estimated. So many bytes of prose take about 25 ms, of what is made to be slow 0.4 s.
const MOST_BYTES: usize = 1024 * 1024;
/// A longer text is counted in slices, which may cost a token at each cut: the expression that takes words apart gives up
/// on runs of a million characters.
const SLICE_BYTES: usize = 256 * 1024;
/// What OpenAI puts around each message, before a name, and before the answer.
const AROUND_MESSAGE: u64 = 3;
const BEFORE_NAME: u64 = 1;
const BEFORE_ANSWER: u64 = 3;
/// What a picture or a file counts for.
const PICTURE: u64 = 85;

/// One of OpenAI's vocabularies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vocabulary {
    O200k,
    Cl100k,
}

use Vocabulary::{Cl100k, O200k};

const ALL: [Vocabulary; 2] = [O200k, Cl100k];

/// Families of models by the beginning of their names; the first that fits counts.
const FAMILIES: [(&str, Vocabulary); 16] = [
    ("gpt-4o", O200k),
    ("chatgpt-4o", O200k),
    ("gpt-4.1", O200k),
    ("gpt-4.5", O200k),
    ("gpt-5", O200k),
    ("gpt-oss", O200k),
    ("codex-mini", O200k),
    ("o1", O200k),
    ("o3", O200k),
    ("o4", O200k),
    ("gpt-4", Cl100k),
    ("gpt-3.5", Cl100k),
    // Azure's names have no dot.
    ("gpt-35", Cl100k),
    ("text-embedding-3", Cl100k),
    ("text-embedding-ada-002", Cl100k),
    ("davinci-002", Cl100k),
];

static LOADED: [OnceLock<CoreBPE>; 2] = [OnceLock::new(), OnceLock::new()];
static BEGUN: [AtomicBool; 2] = [AtomicBool::new(false), AtomicBool::new(false)];

impl Vocabulary {
    /// The one that a model reads by, if it is known.
    fn of(model: &str) -> Option<Self> {
        let name = model.rsplit('/').next().unwrap_or(model);
        let name = name.strip_prefix("ft:").unwrap_or(name);
        let fits = |family: &str| {
            let rest = name.strip_prefix(family)?;
            (!rest.starts_with(|next: char| next.is_ascii_alphanumeric())).then_some(())
        };
        FAMILIES.iter().find(|(family, _)| fits(family).is_some()).map(|(_, vocabulary)| *vocabulary)
    }

    /// What counts by it, if that has been loaded.
    fn loaded(self) -> Option<&'static CoreBPE> {
        LOADED.get(self as usize)?.get()
    }

    /// Loads it, unless somebody else does.
    fn load(self) {
        let place = self as usize;
        let (Some(begun), Some(loaded)) = (BEGUN.get(place), LOADED.get(place)) else { return };
        if begun.swap(true, Ordering::Relaxed) {
            return;
        }
        let made = match self {
            O200k => tiktoken_rs::o200k_base(),
            Cl100k => tiktoken_rs::cl100k_base(),
        };
        match made {
            Ok(made) => drop(loaded.set(made)),
            Err(error) => log::warn!("a vocabulary can't be loaded, tokens are estimated: {error}"),
        }
    }
}

/// What loads the vocabularies of these models, to be run where nobody waits for it; `None` if nothing is to be loaded.
pub fn preparation<'a>(models: impl Iterator<Item = &'a str>) -> Option<Preparation> {
    let wanted: Vec<_> = models.filter_map(Vocabulary::of).collect();
    let missing: Vec<_> = ALL.into_iter().filter(|one| wanted.contains(one) && one.loaded().is_none()).collect();
    if missing.is_empty() {
        return None;
    }
    Some(Box::new(|| missing.into_iter().for_each(Vocabulary::load)))
}

/// The tokens of one prompt by each vocabulary, once they have been asked for.
#[derive(Default)]
pub struct Counts([OnceCell<Option<u64>>; 2]);

impl Counts {
    /// Counted by the model's vocabulary; `None` if that is not known or not there yet, or the prompt is too long.
    pub fn of(&self, request: &Request, model: &str) -> Option<u64> {
        let vocabulary = Vocabulary::of(model).filter(|_| request.text_len() <= MOST_BYTES)?;
        let count = || vocabulary.loaded().map(|bpe| of_prompt(bpe, request.prompt_members()));
        *self.0.get(vocabulary as usize)?.get_or_init(count)
    }
}

/// A prompt and what has been answered to it.
struct Texts {
    bpe: &'static CoreBPE,
    prompt: Vec<(Box<str>, Box<str>)>,
    answer: String,
    counted: OnceCell<Spent>,
}

/// What may have to be counted at a stream's end: nothing if it could not be.
pub struct Kept(Option<Texts>);

impl Kept {
    pub fn begin(request: &Request, model: &str) -> Self {
        let bpe = Vocabulary::of(model).and_then(Vocabulary::loaded).filter(|_| request.text_len() <= MOST_BYTES);
        Self(bpe.map(|bpe| {
            let prompt = request.prompt_members().map(|(name, text)| (name.into(), text.into())).collect();
            Texts { bpe, prompt, answer: String::new(), counted: OnceCell::new() }
        }))
    }

    pub fn said(&mut self, text: &str) {
        let Some(texts) = &mut self.0 else { return };
        texts.counted.take();
        texts.answer.push_str(text);
        if texts.answer.len() > MOST_BYTES {
            self.0 = None;
        }
    }

    pub fn count(&self) -> Option<Spent> {
        let Texts { bpe, prompt, answer, counted } = self.0.as_ref()?;
        let spent = counted.get_or_init(|| Spent {
            prompt: of_prompt(bpe, prompt.iter().map(|(name, text)| (&**name, &**text))),
            completion: of_text(bpe, answer),
        });
        Some(*spent)
    }
}

fn of_prompt<'a>(bpe: &CoreBPE, members: impl Iterator<Item = (&'a str, &'a str)>) -> u64 {
    let (mut tokens, mut messages) = (0, 0);
    each_part(members, &mut |part| {
        tokens += match part {
            Part::Message { named } => {
                messages += 1;
                AROUND_MESSAGE + if named { BEFORE_NAME } else { 0 }
            }
            Part::Text(text) => of_text(bpe, text),
            Part::Picture => PICTURE,
            Part::Number => 1,
        };
    });
    if messages > 0 { tokens + BEFORE_ANSWER } else { tokens }
}

fn of_text(bpe: &CoreBPE, mut text: &str) -> u64 {
    let mut tokens = 0;
    while !text.is_empty() {
        let end = (0..=SLICE_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        let (slice, rest) = text.split_at(end);
        tokens += bpe.encode_ordinary(slice).len() as u64;
        text = rest;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::{Exchange, Prompt};

    fn prepare() {
        if let Some(work) = preparation(["gpt-4o", "gpt-4", "nobodys"].into_iter()) {
            work();
        }
        while ALL.iter().any(|one| one.loaded().is_none()) {
            std::thread::yield_now();
        }
    }

    fn request(content: &str) -> Request {
        let message = serde_json::json!({"role": "user", "content": content});
        Request::parse(&format!(r#"{{"model":"m","messages":[{message}]}}"#)).unwrap()
    }

    #[test]
    fn a_family_is_known_by_its_name() {
        for (model, vocabulary) in [
            ("gpt-4o-mini", Some(O200k)),
            ("openai/gpt-4.1", Some(O200k)),
            ("gpt-5.1-codex", Some(O200k)),
            ("ft:gpt-4o:acme::1", Some(O200k)),
            ("o3", Some(O200k)),
            ("gpt-4-0613", Some(Cl100k)),
            ("gpt-35-turbo", Some(Cl100k)),
            ("text-embedding-3-small", Some(Cl100k)),
            ("claude-3", None),
            ("o1234", None),
            ("gpt-*", None),
        ] {
            assert_eq!(Vocabulary::of(model), vocabulary, "{model}");
        }
    }

    #[test]
    fn messages_have_as_many_tokens_as_openai_bills() {
        prepare();
        // The example of OpenAI's cookbook, with the figures that its API answers.
        let request = Request::parse(
            r#"{"model":"m","messages":[
            {"role":"system","content":"You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
            {"role":"system","name":"example_user","content":"New synergies will help drive top-line growth."},
            {"role":"system","name":"example_assistant","content":"Things working well together will increase revenue."},
            {"role":"system","name":"example_user","content":"Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
            {"role":"system","name":"example_assistant","content":"Let's talk later when we're less busy about how to do better."},
            {"role":"user","content":"This late pivot means we don't have time to boil the ocean for the client deliverable."}]}"#,
        )
        .unwrap();
        let counts = Counts::default();
        assert_eq!([counts.of(&request, "gpt-4"), counts.of(&request, "gpt-4o")], [Some(129), Some(124)]);
        assert_eq!(counts.of(&request, "claude-3"), None);
    }

    #[test]
    fn only_what_is_near_a_bound_is_counted() {
        prepare();
        // Seven tokens around the words and one for each; by its length two fifths more.
        let request = request(&" hello".repeat(100));
        let prompt = Prompt::of(&request);
        assert_eq!(prompt.estimate(), 151);
        assert_eq!([117, 150, 215].map(|bound| prompt.tokens("gpt-4o", bound)), [107; 3]);
        assert_eq!([0, 115, 217, u64::MAX].map(|bound| prompt.tokens("gpt-4o", bound)), [151; 4]);
        assert_eq!(prompt.tokens("claude-3", 150), 151);
    }

    #[test]
    fn what_went_there_and_back_is_counted() {
        prepare();
        let mut exchange = Exchange::begin(&request("hello"), "gpt-4o");
        ["Hel", "lo", " wor"].into_iter().for_each(|text| exchange.said(text));
        assert_eq!(exchange.spent().prompt, 8);
        exchange.said("ld");
        assert_eq!(exchange.spent(), Spent { prompt: 8, completion: 2 });
        exchange.said(&"x".repeat(MOST_BYTES));
        assert_eq!(exchange.spent().completion, (MOST_BYTES as u64 + 11).div_ceil(4));
    }

    #[test]
    fn no_text_is_too_much() {
        prepare();
        let bpe = O200k.loaded().unwrap();
        for run in [" ", "\n", "A", "a", "\u{3000}", "!", "漢", " \u{301}"] {
            let text = run.repeat(SLICE_BYTES / run.len()) + "x";
            assert!(of_text(bpe, &text) > 0);
        }
        let long = request(&"a".repeat(MOST_BYTES));
        assert_eq!(Counts::default().of(&long, "gpt-4o"), None);
    }
}

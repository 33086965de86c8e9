//! Anthropic's stream, told in OpenAI's chunks: what they make together is what the whole answer's translation makes.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::chat::{Chunk, Flaw};
use crate::clock;

use super::super::anthropic::response;
use super::block::{Block, grow, with_input};
use super::event::{Delta, Ending, Event, Message, read};
use super::{Progress, StreamFault, StreamReader};

/// The most that is kept of what can be given on only as a whole: thoughts, blocks of Anthropic's own, and texts that
/// may yet turn out to be no part of the answer. Far above what a model says.
const MAX_KEPT_BYTES: usize = 8 * 1024 * 1024;

/// Events that mean something; what can't be read under another name is skipped.
const NAMES: [&str; 7] = [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "error",
];

/// Reads one message.
pub struct AnthropicStream {
    /// Whether a shape was asked for: then a text counts only if no shape follows.
    wants_shape: bool,
    is_shaped: bool,
    /// Texts that wait for the end, as they are within quotes.
    held: String,
    /// What every chunk begins with.
    head: String,
    /// The open blocks and their numbers; there is hardly ever more than one.
    open: Vec<(u64, Block)>,
    calls: usize,
    /// Whole thoughts and blocks of Anthropic's own. Each list is told once: clients that gather chunks, OpenAI's own
    /// among them, take a list whose elements have no index only in one piece.
    thoughts: Vec<Value>,
    others: Vec<Value>,
    usage: Map<String, Value>,
    has_ended: bool,
    kept: usize,
}

type Out<'a> = &'a mut Vec<Chunk>;

impl StreamReader for AnthropicStream {
    fn event(&mut self, name: Option<&str>, data: Bytes, out: &mut Vec<Chunk>) -> Result<Progress, StreamFault> {
        let text = std::str::from_utf8(&data).map_err(|_| Flaw::NotUtf8)?;
        let event: Event<'_> = match serde_json::from_str(text) {
            Ok(event) => event,
            Err(_) if name == Some("error") => return Err(StreamFault::in_band(data)),
            Err(_) if name.is_some_and(|name| !NAMES.contains(&name)) => return Ok(Progress::More),
            Err(_) => return Err(Flaw::NotJson.into()),
        };
        match event.kind.as_deref().or(name).unwrap_or_default() {
            "message_start" => self.start(event.message.ok_or(Flaw::NotJson)?, out)?,
            "content_block_start" => {
                self.close(event.index, out)?;
                self.open(event.index, event.content_block.ok_or(Flaw::NotJson)?, out)?;
            }
            "content_block_delta" => self.delta(event.index, event.delta.ok_or(Flaw::NotJson)?.get(), out)?,
            "content_block_stop" => self.close(event.index, out)?,
            "message_delta" => {
                self.count(event.usage);
                let ending = event.delta.map(|delta| read::<Ending<'_>>(delta.get())).transpose()?;
                if let Some(reason) = ending.and_then(|ending| ending.stop_reason) {
                    self.end(Some(&reason), out)?;
                }
            }
            "message_stop" => {
                self.end(None, out)?;
                let usage = response::usage(Some(&Value::Object(std::mem::take(&mut self.usage))));
                out.push(self.chunk("", &format!(",\"usage\":{usage}"))?);
                return Ok(Progress::Done);
            }
            "error" => return Err(StreamFault::in_band(data)),
            // Pings, and whatever is yet to be invented.
            _ => {}
        }
        Ok(Progress::More)
    }
}

impl AnthropicStream {
    pub fn new(wants_shape: bool) -> Self {
        Self {
            wants_shape,
            is_shaped: false,
            held: String::new(),
            head: head("", ""),
            open: Vec::new(),
            calls: 0,
            thoughts: Vec::new(),
            others: Vec::new(),
            usage: Map::new(),
            has_ended: false,
            kept: 0,
        }
    }

    fn start(&mut self, message: Message, out: Out<'_>) -> Result<(), Flaw> {
        self.head = head(&message.id.unwrap_or_default(), &message.model.unwrap_or_default());
        self.count(message.usage);
        self.say(r#""role":"assistant","content":"""#, out)
    }

    fn open(&mut self, index: Option<u64>, block: Map<String, Value>, out: Out<'_>) -> Result<(), Flaw> {
        let index = index.ok_or(Flaw::NotJson)?;
        let first = block.get("text").and_then(Value::as_str).map(|text| Value::from(text).to_string());
        let named = [block.get("id"), block.get("name")].map(|member| json!(member));
        let opened = Block::open(block, self.calls, self.is_shaped);
        match &opened {
            Block::Text => self.text(first.as_deref().unwrap_or("\"\""), out)?,
            Block::Shape(_) => {
                self.is_shaped = true;
                self.held = String::new();
            }
            Block::Call { number, .. } => {
                self.calls += 1;
                let [id, name] = named;
                let function = format!(r#"{{"name":{name},"arguments":""}}"#);
                let call = format!(r#"{{"index":{number},"id":{id},"type":"function","function":{function}}}"#);
                self.say(&format!(r#""tool_calls":[{call}]"#), out)?;
            }
            Block::Thought(thought) => {
                self.keep(size(thought))?;
                if let Some(text) = thought.get("thinking").filter(|text| text.as_str().is_some_and(|t| !t.is_empty()))
                {
                    self.say(&format!(r#""reasoning_content":{text}"#), out)?;
                }
            }
            Block::Other { block, .. } => self.keep(size(block))?,
            Block::Ignored => {}
        }
        self.open.push((index, opened));
        Ok(())
    }

    fn delta(&mut self, index: Option<u64>, text: &str, out: Out<'_>) -> Result<(), Flaw> {
        let delta: Delta<'_> = read(text)?;
        let place = self.open.iter().position(|(open, _)| Some(*open) == index);
        let Some((index, mut block)) = place.map(|place| self.open.swap_remove(place)) else {
            // Some servers begin no block for a plain text.
            return self.text(delta.text.ok_or(Flaw::NotJson)?.get(), out);
        };
        match (&mut block, &*delta.kind) {
            (Block::Text, "text_delta") => self.text(delta.text.ok_or(Flaw::NotJson)?.get(), out)?,
            (Block::Shape(input), "input_json_delta") => {
                if let Some(piece) = delta.partial_json.filter(|piece| input.tell(piece)) {
                    self.say(&format!(r#""content":{}"#, piece.get()), out)?;
                }
            }
            (Block::Call { number, input }, "input_json_delta") => {
                if let Some(piece) = delta.partial_json.filter(|piece| input.tell(piece)) {
                    self.arguments(*number, piece.get(), out)?;
                }
            }
            (Block::Thought(thought), _) => {
                self.keep(text.len())?;
                grow(thought, read(text)?);
                if let Some(piece) = delta.thinking.map(RawValue::get).filter(|piece| *piece != "\"\"") {
                    self.say(&format!(r#""reasoning_content":{piece}"#), out)?;
                }
            }
            (Block::Other { input, .. }, "input_json_delta") => {
                self.keep(text.len())?;
                input.push_str(&read::<Cow<'_, str>>(delta.partial_json.ok_or(Flaw::NotJson)?.get())?);
            }
            (Block::Other { block, .. }, _) => {
                self.keep(text.len())?;
                grow(block, read(text)?);
            }
            // Citations, which the whole answer's translation leaves out too, and whatever is yet to be invented.
            (Block::Text | Block::Shape(_) | Block::Call { .. } | Block::Ignored, _) => {}
        }
        self.open.push((index, block));
        Ok(())
    }

    /// Ends a block: what of it was not told yet is told now, or kept for the answer's end.
    fn close(&mut self, index: Option<u64>, out: Out<'_>) -> Result<(), Flaw> {
        let Some(place) = self.open.iter().position(|(open, _)| Some(*open) == index) else { return Ok(()) };
        let (_, block) = self.open.remove(place);
        match block {
            Block::Text | Block::Ignored => Ok(()),
            Block::Shape(input) => match input.rest() {
                Some(rest) => self.say(&format!(r#""content":{}"#, Value::from(rest)), out),
                None => Ok(()),
            },
            Block::Call { number, input } => match input.rest() {
                Some(rest) => self.arguments(number, &Value::from(rest).to_string(), out),
                None => Ok(()),
            },
            Block::Thought(thought) => {
                self.thoughts.push(Value::Object(thought));
                Ok(())
            }
            Block::Other { block, input } => {
                self.others.push(Value::Object(with_input(block, &input)));
                Ok(())
            }
        }
    }

    /// Tells what is told as a whole.
    fn tell_blocks(&mut self, out: Out<'_>) -> Result<(), Flaw> {
        let thoughts = Value::Array(std::mem::take(&mut self.thoughts));
        if thoughts != json!([]) {
            // Thoughts that are hidden have a text too, and it is empty.
            self.say(&format!(r#""reasoning_content":"","thinking_blocks":{thoughts}"#), out)?;
        }
        let others = Value::Array(std::mem::take(&mut self.others));
        if others != json!([]) {
            self.say(&format!(r#""provider_specific_fields":{{"content_blocks":{others}}}"#), out)?;
        }
        Ok(())
    }

    /// Tells why the answer ended, once.
    fn end(&mut self, stop_reason: Option<&str>, out: Out<'_>) -> Result<(), Flaw> {
        while let Some((index, _)) = self.open.first() {
            self.close(Some(*index), out)?;
        }
        self.tell_blocks(out)?;
        if std::mem::replace(&mut self.has_ended, true) {
            return Ok(());
        }
        if !self.held.is_empty() {
            let held = std::mem::take(&mut self.held);
            self.say(&format!(r#""content":"{held}""#), out)?;
        }
        let reason = response::finish_reason(stop_reason, self.is_shaped && self.calls == 0);
        out.push(self.chunk(&format!(r#"{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}"#), "")?);
        Ok(())
    }

    /// A piece of text, as a JSON text in quotes.
    fn text(&mut self, piece: &str, out: Out<'_>) -> Result<(), Flaw> {
        let inner = piece.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(Flaw::NotJson)?;
        if inner.is_empty() || self.is_shaped {
            return Ok(());
        }
        if self.wants_shape {
            self.keep(inner.len())?;
            self.held.push_str(inner);
            return Ok(());
        }
        self.say(&format!(r#""content":{piece}"#), out)
    }

    fn arguments(&self, number: usize, piece: &str, out: Out<'_>) -> Result<(), Flaw> {
        self.say(&format!(r#""tool_calls":[{{"index":{number},"function":{{"arguments":{piece}}}}}]"#), out)
    }

    /// A chunk with these members of the delta.
    fn say(&self, members: &str, out: Out<'_>) -> Result<(), Flaw> {
        out.push(self.chunk(&format!(r#"{{"index":0,"delta":{{{members}}},"finish_reason":null}}"#), "")?);
        Ok(())
    }

    fn chunk(&self, choice: &str, more: &str) -> Result<Chunk, Flaw> {
        Chunk::parse(Bytes::from(format!(r#"{}"choices":[{choice}]{more}}}"#, self.head)))
    }

    /// What is told last counts; a null takes nothing back.
    fn count(&mut self, usage: Option<Map<String, Value>>) {
        for (name, count) in usage.unwrap_or_default() {
            if !count.is_null() || !self.usage.contains_key(&name) {
                self.usage.insert(name, count);
            }
        }
    }

    fn keep(&mut self, bytes: usize) -> Result<(), Flaw> {
        self.kept = self.kept.saturating_add(bytes);
        if self.kept > MAX_KEPT_BYTES { Err(Flaw::TooLarge) } else { Ok(()) }
    }
}

fn size(block: &Map<String, Value>) -> usize {
    serde_json::to_string(block).map_or(0, |text| text.len())
}

fn head(id: &str, model: &str) -> String {
    let (id, model, created) = (Value::from(id), Value::from(model), clock::unix_ms() / 1000);
    format!(r#"{{"id":{id},"object":"chat.completion.chunk","created":{created},"model":{model},"#)
}

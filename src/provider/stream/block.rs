//! One content block of Anthropic's while it is open.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::super::anthropic::JSON_TOOL;

/// What a block is to a caller.
pub enum Block {
    Text,
    /// The tool that gives the answer its shape: its input is the answer's text.
    Shape(Input),
    /// A tool's call, the so-many-th of the answer.
    Call {
        number: usize,
        input: Input,
    },
    /// A thought; given on as it is told, and once more as the whole block that must be sent back unchanged.
    Thought(Map<String, Value>),
    /// Anything else, such as a tool that Anthropic runs itself; told as a whole.
    Other {
        block: Map<String, Value>,
        input: String,
    },
    /// A shape for the second time.
    Ignored,
}

/// The input of a tool.
pub struct Input {
    /// What the block began with, which counts if nothing follows.
    initial: Value,
    is_told: bool,
}

impl Input {
    /// Whether the piece says anything; remembered.
    pub fn tell(&mut self, piece: &RawValue) -> bool {
        let says = piece.get() != "\"\"";
        self.is_told |= says;
        says
    }

    /// What is left to say at the block's end: all of it, where there were no pieces.
    pub fn rest(self) -> Option<String> {
        (!self.is_told).then(|| match self.initial {
            Value::Null => "{}".to_owned(),
            input => input.to_string(),
        })
    }
}

impl Block {
    /// `number` is that of the next call; `is_shaped` whether the answer has its shape already.
    pub fn open(mut block: Map<String, Value>, number: usize, is_shaped: bool) -> Self {
        let is = |member: &str, text: &str| block.get(member).and_then(Value::as_str) == Some(text);
        let is_tool = is("type", "tool_use");
        let is_shape = is_tool && is("name", JSON_TOOL);
        if is("type", "text") {
            Self::Text
        } else if is("type", "thinking") || is("type", "redacted_thinking") {
            Self::Thought(block)
        } else if is_shape && is_shaped {
            Self::Ignored
        } else if is_tool {
            let input = Input { initial: block.remove("input").unwrap_or_default(), is_told: false };
            if is_shape { Self::Shape(input) } else { Self::Call { number, input } }
        } else {
            Self::Other { block, input: String::new() }
        }
    }
}

/// Adds what a delta says to a block: texts grow, all else is set.
pub fn grow(block: &mut Map<String, Value>, delta: Map<String, Value>) {
    for (name, value) in delta {
        match (block.get_mut(&name), value) {
            _ if name == "type" => {}
            (Some(Value::String(text)), Value::String(more)) => text.push_str(&more),
            (_, value) => {
                block.insert(name, value);
            }
        }
    }
}

/// A block whose input came in pieces.
pub fn with_input(mut block: Map<String, Value>, input: &str) -> Map<String, Value> {
    if !input.is_empty() {
        // What can't be read, of an answer that was cut, is told as the text that it is.
        let input = serde_json::from_str(input).unwrap_or_else(|_| input.into());
        block.insert("input".to_owned(), input);
    }
    block
}

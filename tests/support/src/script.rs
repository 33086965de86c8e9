//! The script language: what the server answers, where and in which order. Unknown members are errors.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a server plays.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// What happens to the next connections, one item each, before a byte is read; later ones are served.
    pub accept: Vec<Accept>,
    /// Path, or prefix of a path up to a `/`, to its replies. The longest match wins; `/` matches every path.
    pub paths: BTreeMap<String, PathScript>,
}

/// What happens to a connection as it is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Accept {
    Serve,
    Close,
    Reset,
    /// Stays open; nothing is read.
    Hang,
}

/// The replies of one path, played in order. In JSON a bare list of replies is enough.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct PathScript {
    pub replies: Vec<Reply>,
    #[serde(default)]
    pub then: Then,
}

/// What follows the last reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    #[default]
    RepeatLast,
    Cycle,
    /// What the path answers without a script.
    Default,
}

/// One reply. In JSON a bare number is a reply with that status.
///
/// Without a body a status below 400 is answered as without a script, and an error status in the error shape of the path's dialect.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub struct Reply {
    /// 200 unless set; 400 with `echo`.
    pub status: Option<u16>,
    /// Sent as written. A name given here replaces the automatic header of that name (`content-length` included), null leaves it out.
    pub headers: Headers,
    pub json: Option<Value>,
    pub text: Option<String>,
    pub base64: Option<String>,
    /// The whole answer as base64, status line included: for garbage. `raw` is the same as text.
    pub raw_base64: Option<String>,
    pub raw: Option<String>,
    /// The body in pieces, each after its own delay.
    pub chunks: Vec<Chunk>,
    /// How a body made of `chunks` is framed.
    pub framing: Framing,
    /// An error whose message and code repeat something secret from the request.
    pub echo: Option<Echo>,
    /// The body grows to this many bytes: a default answer in its text, others with blanks at the end.
    pub pad_to: Option<usize>,
    /// Before the first byte.
    pub delay_ms: u64,
    /// Between head and body.
    pub body_delay_ms: u64,
    /// The whole answer, head included, in small pieces.
    pub drip: Option<Drip>,
    /// How many bytes of the raw answer, head included, are sent; a negative number is how many are left out at its end.
    pub cut_at: Option<i64>,
    /// What happens after the answer. Unless set: `close` after a cut, a raw answer or `keep_alive: false`, else the connection stays in use.
    pub end: Option<End>,
    /// Never answers; the connection stays open until the peer leaves.
    pub hang: bool,
    pub close_before_headers: bool,
    pub reset_before_headers: bool,
    /// False announces `connection: close` and closes after the answer.
    pub keep_alive: bool,
    /// How many times in a row this reply is played.
    pub repeat: u64,
}

impl Default for Reply {
    fn default() -> Self {
        Self {
            status: None,
            headers: Headers::default(),
            json: None,
            text: None,
            base64: None,
            raw_base64: None,
            raw: None,
            chunks: Vec::new(),
            framing: Framing::default(),
            echo: None,
            pad_to: None,
            delay_ms: 0,
            body_delay_ms: 0,
            drip: None,
            cut_at: None,
            end: None,
            hang: false,
            close_before_headers: false,
            reset_before_headers: false,
            keep_alive: true,
            repeat: 1,
        }
    }
}

/// Response headers in the order given; `None` leaves an automatic header out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, Option<String>)>);

/// A piece of a body: `text` or `base64`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Chunk {
    pub text: Option<String>,
    pub base64: Option<String>,
    /// Before this piece.
    pub delay_ms: u64,
}

/// How pieces are put on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// `transfer-encoding: chunked`, one chunk a piece.
    #[default]
    Chunked,
    /// `content-length`.
    Length,
    /// Neither: the end of the connection is the end of the body.
    Close,
}

/// `bytes` at a time, `every_ms` apart.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Drip {
    pub bytes: usize,
    pub every_ms: u64,
}

/// What a provider gives away of the request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Echo {
    /// The `authorization` header, in message, code and an `x-request-id` header.
    Authorization,
    /// The header of that name, in the same places.
    Header(String),
    /// Head and body, in the message.
    Request,
}

/// What happens after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    Close,
    Reset,
    /// Stays open and silent until the peer leaves.
    Hang,
}

/// Why a script can't be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError(pub(crate) String);

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScriptError {}

impl From<ScriptError> for std::io::Error {
    fn from(error: ScriptError) -> Self {
        std::io::Error::new(std::io::ErrorKind::InvalidInput, error)
    }
}

impl Script {
    /// Reads a script from JSON text.
    pub fn parse(text: &[u8]) -> Result<Self, ScriptError> {
        serde_json::from_slice(text).map_err(|error| ScriptError(format!("script: {error}")))
    }

    /// Reads a script from a JSON value.
    pub fn from_json(value: Value) -> Result<Self, ScriptError> {
        serde_json::from_value(value).map_err(|error| ScriptError(format!("script: {error}")))
    }
}

//! A script, checked and made ready to play.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::script::{Accept, Chunk, Drip, Echo, End, Framing, Headers, PathScript, Reply, Script, ScriptError, Then};

/// A script and how far it has been played.
pub struct Table {
    /// The longest path first, so that the first match is the best.
    routes: Vec<(String, Route)>,
    accept: Vec<Accept>,
    accepted: AtomicUsize,
}

struct Route {
    plays: Vec<Play>,
    /// For each play, the number of the first request that it no longer answers.
    ends: Vec<u64>,
    then: Then,
    next: AtomicU64,
}

/// One reply, checked.
pub struct Play {
    pub status: Option<u16>,
    pub headers: Headers,
    pub body: Body,
    pub pad_to: usize,
    pub delay: Duration,
    pub body_delay: Duration,
    pub drip: Option<Drip>,
    pub cut_at: Option<i64>,
    pub end: Option<End>,
    /// Ends the exchange without an answer.
    pub silent: Option<End>,
    pub keep_alive: bool,
}

pub enum Body {
    /// The path's own answer, or OpenAI's error for an error status.
    Default,
    Bytes {
        content_type: &'static str,
        data: Vec<u8>,
    },
    /// The whole answer.
    Raw(Vec<u8>),
    Pieces {
        pieces: Vec<(Duration, Vec<u8>)>,
        framing: Framing,
    },
    Echo(Echo),
}

impl Table {
    pub fn new(script: &Script) -> Result<Self, ScriptError> {
        let mut routes = Vec::new();
        for (path, replies) in &script.paths {
            if !path.starts_with('/') {
                return Err(ScriptError(format!("paths.{path}: a path begins with '/'")));
            }
            let key = path.trim_end_matches('/').to_owned();
            routes.push((key, Route::new(path, replies)?));
        }
        routes.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
        Ok(Self { routes, accept: script.accept.clone(), accepted: AtomicUsize::new(0) })
    }

    /// What happens to the connection that was just accepted.
    pub fn accept(&self) -> Accept {
        if self.accept.is_empty() {
            return Accept::Serve;
        }
        let at = self.accepted.fetch_add(1, Relaxed);
        self.accept.get(at).copied().unwrap_or(Accept::Serve)
    }

    /// The next reply of `path`; `None` is what it answers without a script.
    pub fn next(&self, path: &str) -> Option<&Play> {
        let matches = |key: &str| path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.routes.iter().find(|(key, _)| matches(key))?.1.next()
    }
}

impl Route {
    fn new(path: &str, script: &PathScript) -> Result<Self, ScriptError> {
        let mut route = Self { plays: Vec::new(), ends: Vec::new(), then: script.then, next: AtomicU64::new(0) };
        let mut end = 0;
        for (at, reply) in script.replies.iter().enumerate() {
            let play = Play::new(reply).map_err(|why| ScriptError(format!("paths.{path}[{at}]: {why}")))?;
            end += reply.repeat;
            route.plays.push(play);
            route.ends.push(end);
        }
        Ok(route)
    }

    fn next(&self) -> Option<&Play> {
        let (last, total) = (self.plays.last()?, *self.ends.last()?);
        let mut number = self.next.fetch_add(1, Relaxed);
        if number >= total {
            match self.then {
                Then::RepeatLast => return Some(last),
                Then::Cycle => number %= total,
                Then::Default => return None,
            }
        }
        self.plays.get(self.ends.partition_point(|end| *end <= number))
    }
}

impl Play {
    fn new(reply: &Reply) -> Result<Self, String> {
        if reply.status.is_some_and(|status| !(100..=999).contains(&status)) {
            return Err("a status has three digits".into());
        }
        if reply.repeat == 0 {
            return Err("repeat is at least 1".into());
        }
        if reply.drip.is_some_and(|drip| drip.bytes == 0) {
            return Err("drip.bytes is at least 1".into());
        }
        let silent = match (reply.hang, reply.close_before_headers, reply.reset_before_headers) {
            (false, false, false) => None,
            (true, false, false) => Some(End::Hang),
            (false, true, false) => Some(End::Close),
            (false, false, true) => Some(End::Reset),
            _ => return Err("one of hang, close_before_headers and reset_before_headers".into()),
        };
        Ok(Self {
            status: reply.status,
            headers: reply.headers.clone(),
            body: body(reply)?,
            pad_to: reply.pad_to.unwrap_or(0),
            delay: Duration::from_millis(reply.delay_ms),
            body_delay: Duration::from_millis(reply.body_delay_ms),
            drip: reply.drip,
            cut_at: reply.cut_at,
            end: reply.end,
            silent,
            keep_alive: reply.keep_alive,
        })
    }
}

fn body(reply: &Reply) -> Result<Body, String> {
    let mut bodies = Vec::new();
    if let Some(json) = &reply.json {
        bodies.push(Body::Bytes { content_type: "application/json", data: json.to_string().into_bytes() });
    }
    if let Some(text) = &reply.text {
        bodies.push(Body::Bytes { content_type: "text/plain; charset=utf-8", data: text.clone().into_bytes() });
    }
    if let Some(data) = &reply.base64 {
        bodies.push(Body::Bytes { content_type: "application/octet-stream", data: decode(data)? });
    }
    if let Some(text) = &reply.raw {
        bodies.push(Body::Raw(text.clone().into_bytes()));
    }
    if let Some(data) = &reply.raw_base64 {
        bodies.push(Body::Raw(decode(data)?));
    }
    if !reply.chunks.is_empty() {
        let pieces = reply.chunks.iter().map(piece).collect::<Result<_, _>>()?;
        bodies.push(Body::Pieces { pieces, framing: reply.framing });
    }
    if let Some(echo) = &reply.echo {
        bodies.push(Body::Echo(echo.clone()));
    }
    match (bodies.pop(), bodies.is_empty()) {
        (None, _) => Ok(Body::Default),
        (Some(body), true) => Ok(body),
        _ => Err("one of json, text, base64, raw, raw_base64, chunks and echo".into()),
    }
}

fn piece(chunk: &Chunk) -> Result<(Duration, Vec<u8>), String> {
    let data = match (&chunk.text, &chunk.base64) {
        (Some(text), None) => text.clone().into_bytes(),
        (None, Some(data)) => decode(data)?,
        _ => return Err("a chunk is text or base64".into()),
    };
    Ok((Duration::from_millis(chunk.delay_ms), data))
}

fn decode(data: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(data).map_err(|error| format!("base64: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn statuses(path_script: Value, calls: usize) -> Vec<Option<u16>> {
        let table = Table::new(&Script::from_json(json!({"paths": {"/a": path_script}})).unwrap()).unwrap();
        (0..calls).map(|_| table.next("/a/v1").and_then(|play| play.status)).collect()
    }

    #[test]
    fn replies_are_played_in_order_and_then_as_said() {
        let two = json!([500, {"status": 429, "repeat": 2}]);
        assert_eq!(statuses(two.clone(), 5), [500, 429, 429, 429, 429].map(Some));
        assert_eq!(statuses(json!({"replies": two, "then": "cycle"}), 5), [500, 429, 429, 500, 429].map(Some));
        assert_eq!(statuses(json!({"replies": [500], "then": "default"}), 2), [Some(500), None]);
        assert_eq!(statuses(json!([]), 1), [None]);
    }

    #[test]
    fn the_longest_path_wins_and_paths_match_whole_segments() {
        let script = Script::from_json(json!({"paths": {"/": [201], "/a": [202], "/a/b": [203]}})).unwrap();
        let table = Table::new(&script).unwrap();
        let status = |path| table.next(path).and_then(|play| play.status).unwrap();
        assert_eq!(
            [status("/"), status("/x"), status("/ab"), status("/a"), status("/a/c"), status("/a/b/c")],
            [201, 201, 201, 202, 202, 203]
        );
    }

    #[test]
    fn a_reply_that_contradicts_itself_is_refused_with_its_place() {
        for bad in [
            json!({"text": "", "json": 1}),
            json!({"hang": true, "close_before_headers": true}),
            json!({"repeat": 0}),
            json!(7),
        ] {
            let script = Script::from_json(json!({"paths": {"/a": [200, bad]}})).unwrap();
            let error = Table::new(&script).err().expect("refused").to_string();
            assert!(error.starts_with("paths./a[1]: "), "{error}");
        }
    }
}

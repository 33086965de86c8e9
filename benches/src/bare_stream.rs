//! The floor for streams: the bare client reads the same events and takes their data, without a look into it.

use std::time::Instant;

use bytes::Bytes;
use reqwest::{Client, Response, Url};

use crate::child::{Outcome, Task, measure};
use crate::drive::{Tally, Tickets};
use crate::{Result, bare};

/// reqwest in tasks, each reading one stream after the other.
pub fn reqwest(task: &Task) -> Result<Outcome> {
    let (runtime, client) = (bare::runtime()?, bare::client()?);
    let (url, body) = (Url::parse(&task.url)?, Bytes::from(task.request.clone()));
    measure(task, |streams| {
        let tickets = std::sync::Arc::new(Tickets::new(streams));
        let readers: Vec<_> = (0..task.in_flight)
            .map(|_| {
                let (tickets, client, url, body) = (tickets.clone(), client.clone(), url.clone(), body.clone());
                runtime.spawn(async move {
                    let mut tally = Tally::default();
                    while tickets.take() {
                        read(&client, url.clone(), body.clone(), &mut tally).await;
                    }
                    tally
                })
            })
            .collect();
        let mut all = Tally::default();
        for reader in readers {
            all.merge(runtime.block_on(reader)?);
        }
        Ok(all)
    })
}

/// One stream; each chunk is timed from the one before it.
async fn read(client: &Client, url: Url, body: Bytes, tally: &mut Tally) {
    let outcome = match bare::send(client, url, body).await {
        Ok(answer) => events(answer, tally).await,
        Err(message) => Err(message),
    };
    if let Err(message) = outcome {
        tally.record(Instant::now(), Err(message));
    }
}

async fn events(mut answer: Response, tally: &mut Tally) -> std::result::Result<(), String> {
    let mut since = Instant::now();
    // The beginning of a line whose end is still to come.
    let mut rest: Vec<u8> = Vec::new();
    let mut done = false;
    while let Some(piece) = answer.chunk().await.map_err(|error| error.to_string())? {
        let came = Instant::now();
        let mut lines = piece.split(|byte| *byte == b'\n');
        let last = lines.next_back().unwrap_or_default();
        for line in lines {
            let begun = std::mem::take(&mut rest);
            let line = if begun.is_empty() { line } else { &[&begun, line].concat() };
            match line.strip_prefix(b"data: ") {
                Some(b"[DONE]") => done = true,
                Some(_) => {
                    tally.nanos.push((came - since).as_nanos() as u64);
                    since = came;
                }
                None => {}
            }
        }
        rest.extend_from_slice(last);
    }
    if done { Ok(()) } else { Err("the stream has no end".into()) }
}

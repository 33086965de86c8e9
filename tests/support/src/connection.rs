//! One connection from accept to end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::control;
use crate::http::{self, Stop};
use crate::play;
use crate::provider::Shared;
use crate::record::PathCounter;
use crate::script::{Accept, Drip, End};
use crate::table::Table;
use crate::wire::Wire;

/// The peer left before its answer was written.
struct PeerLeft;

impl From<io::Error> for PeerLeft {
    fn from(_: io::Error) -> Self {
        PeerLeft
    }
}

/// Answers requests until either side ends the connection.
pub async fn serve(mut stream: TcpStream, id: u64, accept: Accept, shared: Arc<Shared>) {
    let record = &shared.record;
    let mut open = Some(record.open());
    let at_once = match accept {
        Accept::Serve => None,
        Accept::Close => Some(End::Close),
        Accept::Reset => Some(End::Reset),
        Accept::Hang => Some(End::Hang),
    };
    if let Some(how) = at_once {
        return end(stream, how).await;
    }
    let (mut buffer, mut scratch, mut wire) = (Vec::new(), Vec::new(), Wire::default());
    let mut counter = PathCounter::default();
    let (mut generation, mut table) = shared.table();
    loop {
        let message = match http::read(&mut stream, &mut buffer).await {
            Ok(message) => message,
            Err(Stop::Done) => return,
            Err(Stop::Aborted) => return record.aborted(),
            Err(Stop::Refused(status)) => {
                let head = format!("HTTP/1.1 {status} Refused\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                let _ = stream.write_all(head.as_bytes()).await;
                return;
            }
        };
        let request = message.request(&buffer);
        wire.clear();
        if control::is_control(request.path) {
            if let Some(open) = open.take() {
                record.disown(open);
            }
            control::answer(&request, &shared, &mut wire);
            if stream.write_all(&wire.bytes).await.is_err() || message.close {
                return;
            }
        } else {
            if generation != shared.generation() {
                (generation, table) = shared.table();
            }
            let in_flight = record.request(&request, id, &mut counter);
            let then = match respond(&mut stream, &table, &request, message.close, &mut scratch, &mut wire).await {
                Ok(then) => then,
                Err(PeerLeft) => return record.aborted(),
            };
            if then != Some(End::Hang) {
                drop(in_flight);
            }
            if let Some(how) = then {
                return end(stream, how).await;
            }
        }
        if message.total == buffer.len() {
            buffer.clear()
        } else {
            _ = buffer.drain(..message.total)
        }
        buffer.shrink_to(16 << 10);
    }
}

async fn respond(
    stream: &mut TcpStream,
    table: &Table,
    request: &http::Request<'_>,
    close: bool,
    scratch: &mut Vec<u8>,
    wire: &mut Wire,
) -> Result<Option<End>, PeerLeft> {
    let Some(play) = table.next(request.path) else {
        let then = play::unscripted(request, close, scratch, wire);
        stream.write_all(&wire.bytes).await?;
        return Ok(then);
    };
    if let Some(how) = play.silent {
        wait(stream, play.delay).await?;
        if how == End::Hang {
            return Err(gone(stream).await);
        }
        return Ok(Some(how));
    }
    let then = play::scripted(play, request, close, scratch, wire);
    if wire.pauses.is_empty() && play.drip.is_none() {
        stream.write_all(&wire.bytes).await?;
    } else {
        // Boxed, as few answers need it and every open connection would carry its size.
        Box::pin(paced(stream, wire, play.drip)).await?;
    }
    Ok(then)
}

/// Writes an answer with its pauses.
async fn paced(stream: &mut TcpStream, wire: &Wire, drip: Option<Drip>) -> Result<(), PeerLeft> {
    let mut at = 0;
    for (offset, pause) in &wire.pauses {
        write(stream, &wire.bytes[at..*offset], drip).await?;
        at = *offset;
        wait(stream, *pause).await?;
    }
    write(stream, &wire.bytes[at..], drip).await
}

async fn write(stream: &mut TcpStream, bytes: &[u8], drip: Option<Drip>) -> Result<(), PeerLeft> {
    let Some(drip) = drip else {
        return Ok(stream.write_all(bytes).await?);
    };
    for piece in bytes.chunks(drip.bytes) {
        stream.write_all(piece).await?;
        wait(stream, Duration::from_millis(drip.every_ms)).await?;
    }
    Ok(())
}

/// Waits, unless the peer leaves first.
async fn wait(stream: &TcpStream, length: Duration) -> Result<(), PeerLeft> {
    if length.is_zero() {
        return Ok(());
    }
    tokio::select! {
        () = sleep(length) => Ok(()),
        left = gone(stream) => Err(left),
    }
}

/// Returns when the peer has closed its side. A peer that sends its next request early is no longer watched.
async fn gone(stream: &TcpStream) -> PeerLeft {
    match stream.peek(&mut [0]).await {
        Ok(0) | Err(_) => PeerLeft,
        Ok(_) => std::future::pending().await,
    }
}

async fn end(mut stream: TcpStream, how: End) {
    match how {
        End::Close => {
            // Closing with unread bytes would reset the connection and take the answer's end with it.
            let _ = stream.shutdown().await;
            let mut rest = [0; 1024];
            while stream.try_read(&mut rest).is_ok_and(|count| count > 0) {}
        }
        End::Reset => _ = stream.set_zero_linger(),
        End::Hang => _ = gone(&stream).await,
    }
}

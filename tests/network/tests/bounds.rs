//! What a hostile server may make the library hold.

use std::io;
use std::sync::Arc;

use fakeprovider::abi::Failure;
use flate2::{Compress, Compression, FlushCompress, Status};
use network::process::{alone, forget_peak, peak_memory};
use network::settings::{API_CONNECTION, API_RESPONSE, ask, failure, router_to, text};
use network::wire::{listen, provider, read_request, serve_each};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const MIB: usize = 1024 * 1024;
/// The largest body that the library reads is 64 MiB. A vector that grows holds its old and its new self for a moment.
const MOST_HELD: usize = 64 * 3 * MIB;

/// Answers with `head`, then with `piece` as often as `times` says, or until the peer leaves.
fn server(head: &'static str, piece: Vec<u8>, times: usize) -> String {
    let (listener, address) = listen();
    let piece = Arc::<[u8]>::from(piece);
    serve_each(listener, move |stream, connection| play(stream, connection, head, Arc::clone(&piece), times));
    format!("http://{address}/v1")
}

async fn play(mut stream: TcpStream, number: usize, head: &str, piece: Arc<[u8]>, times: usize) -> io::Result<()> {
    let mut buffer = Vec::new();
    read_request(&mut stream, &mut buffer, number).await?;
    stream.write_all(head.as_bytes()).await?;
    for _ in 0..times {
        stream.write_all(&piece).await?;
    }
    Ok(())
}

/// The call fails as its answer is too large: not as it is no JSON, which these answers are neither.
fn too_large(base: &str) {
    let error = bounded(base, API_RESPONSE, MOST_HELD);
    assert!(error.message.contains("more than 67108864 bytes"), "{error}");
}

/// The call fails with `code`, and the process has not held more than `most` for it.
fn bounded(base: &str, code: i32, most: usize) -> Failure {
    let router = router_to(base, json!({}));
    let warm = provider(json!({}));
    text(ask(&router_to(&format!("{}/warm/v1", warm.base_url()), json!({}))));
    forget_peak();
    let before = peak_memory();
    let error = failure(ask(&router), code);
    let held = peak_memory().saturating_sub(before);
    assert!(held < most, "{} MiB were held: {error}", held / MIB);
    error
}

#[test]
fn an_endless_body_ends_in_an_error() {
    alone(&[], |_| {
        let base = server("HTTP/1.1 200 OK\r\n\r\n", vec![b' '; MIB], usize::MAX);
        too_large(&base);
    });
}

#[test]
fn an_endless_body_in_chunks_ends_in_an_error() {
    alone(&[], |_| {
        let chunk = [b"100000\r\n".as_slice(), &vec![b' '; MIB], b"\r\n"].concat();
        let base = server("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunk, usize::MAX);
        too_large(&base);
    });
}

/// A length that is only claimed costs nothing.
#[test]
fn a_claimed_length_is_not_reserved() {
    alone(&[], |_| {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 60000000000\r\n\r\n";
        bounded(&server(head, b"{".to_vec(), 1), API_CONNECTION, 4 * MIB);
    });
}

/// Four gigabytes of blanks in a few megabytes.
#[test]
fn a_small_body_that_unpacks_without_end_ends_in_an_error() {
    alone(&[], |_| {
        // Flushed whole: it stands for itself and may be repeated.
        let mut packed = Vec::with_capacity(MIB);
        let status =
            Compress::new(Compression::best(), false).compress_vec(&vec![b' '; MIB], &mut packed, FlushCompress::Full);
        assert_eq!(status.expect("it can be packed"), Status::Ok);
        assert!(packed.len() < MIB / 500, "{} bytes", packed.len());
        let gzip_head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        let bomb = [gzip_head.as_slice(), &packed.repeat(4096)].concat();
        let base = server("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n", bomb, 1);
        too_large(&base);
    });
}

#[test]
fn an_endless_body_of_a_refusal_stays_a_refusal() {
    alone(&[], |_| {
        let base = server("HTTP/1.1 503 Busy\r\n\r\n", vec![b' '; MIB], usize::MAX);
        bounded(&base, 503, MOST_HELD);
    });
}

#[test]
fn endless_headers_end_in_an_error() {
    alone(&[], |_| {
        let many = server("HTTP/1.1 200 OK\r\n", b"x-one-more: header\r\n".repeat(1000), usize::MAX);
        bounded(&many, API_CONNECTION, 16 * MIB);
        let long = server("HTTP/1.1 200 OK\r\nx-long: ", vec![b'x'; MIB], usize::MAX);
        bounded(&long, API_CONNECTION, 16 * MIB);
    });
}

/// The twin: what is large but within the bound is answered.
#[test]
fn a_large_answer_is_whole() {
    alone(&[], |_| {
        let provider = provider(json!({"paths": {"/": [{"pad_to": 60 * MIB}]}}));
        let router = router_to(&format!("{}/east/v1", provider.base_url()), json!({}));
        assert_eq!(ask(&router).unwrap_or_else(|error| panic!("{error}")).body.len(), 60 * MIB);
    });
}

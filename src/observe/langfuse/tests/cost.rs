//! What traces cost.

use super::super::super::otlp::Otel;
use super::*;
use crate::clock;

/// Both sinks together, for a call that one attempt answered; measured in release, where it may take 15 µs.
#[test]
#[cfg_attr(debug_assertions, ignore = "a measurement of optimized code")]
fn a_call_takes_little_time() {
    let otel = Otel::new(false);
    let langfuse = Langfuse::new(&config());
    let round = || {
        let calls: Vec<_> = (0..200)
            .map(|_| {
                let mut made = Made::new(&request(r#","metadata":{"session_id":"s","tags":["a"]},"user":"u""#));
                answered(&mut made)
            })
            .collect();
        let start = clock::now();
        for event in &calls {
            for span in spans(&otel, event, &[]).iter().chain(&spans(&langfuse, event, &[])) {
                assert!(!Batch::item(span).is_empty());
            }
        }
        (clock::now() - start).as_secs_f64() / 200.0 * 1e6
    };
    let best = (0..50).map(|_| round()).fold(f64::MAX, f64::min);
    println!("{best:.1} µs a call");
    assert!(best <= 15.0, "{best} µs");
}

use serde_json::{Value, json};

use super::super::export::Reply;
use super::*;
use crate::transport::HeaderMap;

fn reply(status: u16, headers: &[(&'static str, &str)]) -> Reply {
    let pairs = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
    Reply { status, headers: pairs.collect::<HeaderMap>(), body: Vec::new() }
}

#[test]
fn an_envelope_is_three_lines() {
    let wire = Envelopes { dsn: "https://public@sentry.example/7".to_owned() };
    let id = "0123456789abcdef0123456789abcdef";
    let item = Bytes::from(format!("{id}{{\"event_id\":\"{id}\"}}"));
    let (body, headers) = wire.body(&[item]);
    let body = String::from_utf8(body.to_vec()).unwrap();
    let lines: Vec<&str> = body.split('\n').collect();
    assert_eq!((lines.len(), lines[3], headers.len()), (4, "", 0));
    let about: Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!((&about["event_id"], &about["dsn"]), (&json!(id), &json!("https://public@sentry.example/7")));
    let head: Value = serde_json::from_str(lines[1]).unwrap();
    assert_eq!(head, json!({"type": "event", "content_type": "application/json", "length": lines[2].len()}));
    assert_eq!(lines[2], format!("{{\"event_id\":\"{id}\"}}"));
}

#[test]
fn limits_on_errors_are_kept_and_those_on_other_things_are_not_ours() {
    let wait =
        |status, headers: &[(&'static str, &str)]| limits::wait(&reply(status, headers)).map(|wait| wait.as_secs());
    let limits = |text: &str| wait(200, &[("x-sentry-rate-limits", text)]);
    assert_eq!(limits("60:error:organization:quota_exceeded"), Some(60));
    assert_eq!(limits("2700::organization, 60:error;transaction:key"), Some(2700));
    assert_eq!(limits("2700:transaction;attachment:organization"), None);
    assert_eq!(limits("soon:error:key"), Some(60));
    assert_eq!(limits(""), None);
    assert_eq!(wait(429, &[("retry-after", "30")]), Some(30));
    assert_eq!(wait(429, &[]), Some(60));
    assert_eq!(wait(429, &[("retry-after", "30"), ("x-sentry-rate-limits", "9:error:key")]), Some(9));
    assert_eq!((wait(200, &[]), wait(503, &[("retry-after", "30")])), (None, None));
}

#[test]
fn what_sentry_has_no_room_for_is_not_sent_again() {
    let wire = Envelopes { dsn: String::new() };
    assert!(matches!(wire.judge(&reply(429, &[])), Verdict::Refused(_)));
    assert!(matches!(wire.judge(&reply(503, &[])), Verdict::Again { .. }));
    assert_eq!(wire.judge(&reply(200, &[])), Verdict::Delivered { refused: 0 });
}

#[test]
fn a_share_of_the_calls_is_told() {
    assert!(is_sampled(u128::MAX, 1.0) && is_sampled(0, 1.0) && !is_sampled(0, 0.0));
    let mut numbers = fastrand::Rng::with_seed(7);
    let told = (0..10_000).filter(|_| is_sampled(numbers.u128(..), 0.25)).count();
    assert!((2300..2700).contains(&told), "{told}");
}

#[test]
fn moments_are_written_as_rfc_3339_has_them() {
    for (unix_ms, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_827_696_789, "2000-02-29T12:34:56.789Z"),
        (951_868_800_000, "2000-03-01T00:00:00.000Z"),
        (1_735_689_599_999, "2024-12-31T23:59:59.999Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
    ] {
        assert_eq!(report::moment(unix_ms), text);
    }
}

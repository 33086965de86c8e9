use super::*;
use crate::config::load;

/// The settings of a cache in memory, with more YAML behind it.
pub fn config(yaml: &str) -> CacheConfig {
    let text = format!("model_list: []\ncache_responses: true\n{yaml}");
    load(&text, |_| None).map_err(|error| error.message).unwrap().cache.unwrap()
}

fn asked(config: &CacheConfig, verb: Verb, members: &str) -> Option<Wish> {
    wish(config, &Request::parse_for(verb, &format!(r#"{{"model":"m"{members}}}"#)).unwrap())
}

fn params(yaml: &str) -> CacheConfig {
    let text = format!("model_list: []\nlitellm_settings: {{cache: true, cache_params: {{type: local, {yaml}}}}}");
    load(&text, |_| None).map_err(|error| error.message).unwrap().cache.unwrap()
}

#[test]
fn a_request_has_its_say() {
    let own = config("default_cache_time_seconds: 9");
    let wish = |members: &str| asked(&own, Verb::Chat, members);
    let plain = wish("").unwrap();
    assert!(plain.look && plain.store && plain.max_age.is_none());
    assert_eq!((plain.local_ttl.as_secs(), plain.shared_ttl.as_secs()), (9, 9));
    let no_cache = wish(r#","cache":{"no-cache":true}"#).unwrap();
    assert!(!no_cache.look && no_cache.store);
    let no_store = wish(r#","cache":{"no-store":true}"#).unwrap();
    assert!(no_store.look && !no_store.store);
    assert!(wish(r#","cache":{"ttl":0}"#).is_some_and(|wish| wish.look && !wish.store));
    let timed = wish(r#","cache":{"ttl":3,"s-maxage":2}"#).unwrap();
    assert_eq!((timed.local_ttl.as_secs(), timed.shared_ttl.as_secs(), timed.max_age.unwrap().as_secs()), (3, 3, 2));
    for none in [r#","caching":false"#, r#","cache":{"no-cache":true,"no-store":true}"#] {
        assert_eq!(wish(none), None, "{none}");
    }
    assert!(wish(r#","caching":true"#).is_some());
}

#[test]
fn a_cache_that_is_off_is_asked_for() {
    let off = params("mode: default_off");
    assert_eq!(asked(&off, Verb::Chat, ""), None);
    assert_eq!(asked(&off, Verb::Chat, r#","caching":true"#), None);
    assert!(asked(&off, Verb::Chat, r#","cache":{"use-cache":true}"#).is_some());
}

#[test]
fn verbs_are_named_as_litellm_names_them() {
    let all = config("");
    let cached: Vec<_> = Verb::ALL.into_iter().filter(|verb| asked(&all, *verb, "").is_some()).collect();
    let expected =
        [Verb::Chat, Verb::TextCompletion, Verb::Embedding, Verb::Responses, Verb::Rerank, Verb::Transcription];
    assert_eq!(cached, expected);
    for (names, verb) in [
        ("[completion]", Verb::Chat),
        ("[acompletion]", Verb::Chat),
        ("[embedding]", Verb::Embedding),
        ("[aembedding]", Verb::Embedding),
        ("[atranscription]", Verb::Transcription),
        ("[arerank]", Verb::Rerank),
        ("[text_completion]", Verb::TextCompletion),
        ("[atext_completion]", Verb::TextCompletion),
        ("[rerank]", Verb::Rerank),
        ("[transcription]", Verb::Transcription),
        ("[aresponses]", Verb::Responses),
    ] {
        let some = params(&format!("supported_call_types: {names}"));
        let cached: Vec<_> = Verb::ALL.into_iter().filter(|verb| asked(&some, *verb, "").is_some()).collect();
        assert_eq!(cached, [verb], "{names}");
    }
}

#[test]
fn long_conversations_and_chance_are_left_out() {
    let short = params("max_messages: 2");
    let cached = |verb, members: &str| asked(&short, verb, members).is_some();
    assert!(cached(Verb::Chat, r#","messages":[{},{}]"#) && !cached(Verb::Chat, r#","messages":[{},{},{}]"#));
    assert!(cached(Verb::Responses, r#","input":"a text""#));
    assert!(!cached(Verb::Responses, r#","input":[{},{},{}]"#));
    let strict = config("llmrouter_settings: {cache: {deterministic_only: true}}");
    let cached = |verb, members: &str| asked(&strict, verb, members).is_some();
    for (members, is_cached) in [
        ("", false),
        (r#","temperature":0"#, true),
        (r#","temperature":0.0"#, true),
        (r#","temperature":1"#, false),
        (r#","temperature":null"#, false),
        (r#","seed":7"#, true),
        (r#","seed":null"#, false),
    ] {
        assert_eq!(cached(Verb::Chat, members), is_cached, "{members}");
        assert_eq!(cached(Verb::Responses, members), is_cached, "{members}");
        assert!(cached(Verb::Embedding, members));
    }
    let all = config("");
    assert_eq!(asked(&all, Verb::Responses, r#","conversation":"c""#), None);
    assert!(asked(&all, Verb::Responses, r#","conversation":null"#).is_some());
}

#[test]
fn only_whole_answers_are_kept() {
    let whole = |verb, text: &str| is_whole(&Body::check(verb, text.as_bytes().to_vec(), "").unwrap());
    assert!(whole(Verb::Chat, r#"{"choices":[{"finish_reason":"length"}]}"#));
    assert!(!whole(Verb::Chat, r#"{"choices":[{"finish_reason":"stop"},{"finish_reason":"content_filter"}]}"#));
    for (text, is_kept) in [
        (r#"{"status":"completed","output":[{}]}"#, true),
        (r#"{"status":"queued","output":[]}"#, false),
        (r#"{"status":"completed","output":[]}"#, false),
        (r#"{"status":"in_progress","output":[{}]}"#, false),
        (r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[{}]}"#, true),
        (r#"{"status":"incomplete","incomplete_details":{"reason":"content_filter"},"output":[{}]}"#, false),
    ] {
        assert_eq!(whole(Verb::Responses, text), is_kept, "{text}");
    }
}

//! Well-known models, and laws of the sum.

use proptest::prelude::*;

use super::info::CAPABILITIES;
use super::*;

fn priced(prices: &[(Unit, f64)]) -> ModelInfo {
    let mut info = ModelInfo::default();
    for (unit, price) in prices {
        info.rates.set(PriceKey { unit: *unit, service: Service::Standard, above: 0 }, *price);
    }
    info
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-12 * one.abs().max(other.abs()).max(1.0)
}

#[test]
fn well_known_models_are_as_the_list_has_them() {
    let lines = include_str!("../../tests/golden/prices.tsv").lines().filter(|line| !line.starts_with('#'));
    let mut models = std::collections::BTreeSet::new();
    for line in lines {
        let [provider, model, _, key, value] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        models.insert((provider, model));
        let info = find(provider, model).unwrap_or_else(|| panic!("{line}"));
        let number = || value.parse::<f64>().ok();
        if let Some(PriceKey { unit, service, above }) = PriceKey::named(key) {
            let held = info.rates.iter().find(|(key, _)| *key == PriceKey { unit, service, above });
            assert_eq!(held.map(|(_, price)| price), number(), "{line}");
        } else if let Some((capability, ..)) = CAPABILITIES.iter().find(|(_, name, _)| *name == key) {
            assert_eq!(info.supports(*capability), value.parse().ok(), "{line}");
        } else {
            let held = if key == "max_input_tokens" { info.max_input_tokens } else { info.max_output_tokens };
            assert_eq!(held.map(|tokens| tokens as f64), number(), "{line}");
        }
    }
    assert!(models.len() >= 20, "{} models", models.len());
}

#[test]
fn calls_of_well_known_models() {
    for (provider, model, usage, dollars) in [
        // LiteLLM's own sum of this call.
        ("openai", "gpt-4o-mini", r#"{"prompt_tokens":10,"completion_tokens":20}"#, 1.35e-5),
        (
            "openai",
            "gpt-4o",
            r#"{"prompt_tokens":10,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}"#,
            4e-5,
        ),
        ("openai", "gpt-4o", r#"{"prompt_tokens":10,"completion_tokens":0,"service_tier":"priority"}"#, 4.25e-5),
        ("openai", "text-embedding-3-small", r#"{"prompt_tokens":100,"total_tokens":100}"#, 2e-6),
        ("openai", "whisper-1", r#"{"type":"duration","seconds":30}"#, 0.003),
        (
            "openai",
            "gpt-image-1",
            r#"{"input_tokens":10,"output_tokens":100,"total_tokens":110,"input_tokens_details":{"image_tokens":4,"text_tokens":6}}"#,
            0.00407,
        ),
        ("gemini", "gemini-2.5-pro", r#"{"prompt_tokens":200000,"completion_tokens":1}"#, 0.25001),
        ("gemini", "gemini-2.5-pro", r#"{"prompt_tokens":200001,"completion_tokens":1}"#, 0.5000175),
        (
            "anthropic",
            "claude-sonnet-4-5-20250929",
            r#"{"prompt_tokens":100,"completion_tokens":10,"cache_read_input_tokens":50,"cache_creation_input_tokens":30,"server_tool_use":{"web_search_requests":2}}"#,
            0.0203375,
        ),
    ] {
        let told = cost(&find(provider, model).unwrap(), &Usage::read(usage)).unwrap();
        assert!(close(told, dollars), "{provider} {model}: {told} is not {dollars}");
    }
}

#[test]
fn what_is_unknown_is_none() {
    let usage = Usage::of_tokens(1, 1);
    let (input, both) =
        (priced(&[(Unit::InputToken, 1.0)]), priced(&[(Unit::InputToken, 1.0), (Unit::OutputToken, 0.0)]));
    assert_eq!(cost(&ModelInfo::default(), &usage), None);
    assert_eq!(cost(&ModelInfo::default(), &Usage::of_tokens(0, 0)), None);
    assert_eq!(cost(&input, &usage), None);
    assert_eq!(cost(&input, &Usage::of_tokens(1, 0)), Some(1.0));
    assert_eq!(cost(&both, &usage), Some(1.0));
    assert_eq!(cost(&both, &Usage::default()), None);
    assert_eq!(cost(&both, &Usage { web_searches: 1, ..usage.clone() }), None);
    let request = priced(&[(Unit::InputToken, 1.0), (Unit::OutputToken, 0.0), (Unit::Request, 5.0)]);
    assert_eq!(cost(&request, &usage), Some(6.0));
}

#[test]
fn counts_are_asked_where_tokens_say_nothing() {
    let of = |counts| Usage { counts, ..Usage::default() };
    let characters = of(Counts { characters: Some(10), ..Counts::default() });
    assert_eq!(cost(&priced(&[(Unit::InputCharacter, 2.0)]), &characters), Some(20.0));
    assert_eq!(cost(&priced(&[(Unit::InputToken, 2.0)]), &characters), None);
    let images = of(Counts { images: Some(2), pixels: Some(100), ..Counts::default() });
    assert_eq!(cost(&priced(&[(Unit::OutputImage, 3.0)]), &images), Some(6.0));
    assert_eq!(cost(&priced(&[(Unit::InputPixel, 3.0)]), &images), Some(300.0));
    let timed = Usage { counts: Counts { seconds: Some(1.5), ..Counts::default() }, ..Usage::of_tokens(9, 9) };
    assert_eq!(cost(&priced(&[(Unit::InputSecond, 2.0)]), &timed), Some(3.0));
    // Cohere's ranks have tokens for nothing.
    let ranks = Usage { counts: Counts { queries: Some(2), ..Counts::default() }, ..Usage::of_tokens(9, 0) };
    assert_eq!(cost(&find("cohere", "rerank-v3.5").unwrap(), &ranks), Some(0.004));
}

#[test]
fn thoughts_have_their_price_or_that_of_the_answer() {
    let usage =
        Usage::read(r#"{"prompt_tokens":0,"completion_tokens":10,"completion_tokens_details":{"reasoning_tokens":4}}"#);
    let mut info = priced(&[(Unit::OutputToken, 1.0)]);
    assert_eq!(cost(&info, &usage), Some(10.0));
    info.rates.set(PriceKey::named("output_cost_per_reasoning_token").unwrap(), 3.0);
    assert_eq!(cost(&info, &usage), Some(18.0));
    info.rates.set(PriceKey::named("output_cost_per_token_flex").unwrap(), 0.5);
    assert_eq!(cost(&info, &Usage { service: Service::Flex, ..usage.clone() }), Some(5.0));
    info.rates.set(PriceKey::named("output_cost_per_reasoning_token_flex").unwrap(), 2.0);
    assert_eq!(cost(&info, &Usage { service: Service::Flex, ..usage }), Some(11.0));
}

/// A look-up after the first: `cargo test --release -p llmrouter --lib pricing -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn what_it_takes() {
    let time = |what: &str, run: &dyn Fn() -> bool| {
        let expected = run();
        let start = std::time::Instant::now();
        assert!((0..100_000).all(|_| run() == expected));
        println!("{what}: {:?}", start.elapsed() / 100_000);
    };
    let start = std::time::Instant::now();
    let info = find("openai", "gpt-4o").unwrap();
    println!("first look-up: {:?}", start.elapsed());
    time("look-up", &|| find("openai", std::hint::black_box("gpt-4o")).is_some());
    time("longest row", &|| find("gemini", std::hint::black_box("gemini-2.5-pro")).is_some());
    time("unknown", &|| find("openai", std::hint::black_box("mine")).is_some());
    let usage = r#"{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}}"#;
    time("read usage", &|| Usage::read(std::hint::black_box(usage)).tokens.is_some());
    let usage = Usage::read(usage);
    time("cost", &|| cost(std::hint::black_box(&info), &usage).is_some());
}

fn tokens() -> impl Strategy<Value = Tokens> {
    let count = 0..1_000_000u64;
    prop::collection::vec(count, 10).prop_map(|of| Tokens {
        prompt: of[0],
        cached: of[1],
        created: of[2],
        created_hour: of[3],
        prompt_audio: of[4],
        prompt_image: of[5],
        completion: of[6],
        reasoning: of[7],
        completion_audio: of[8],
        completion_image: of[9],
    })
}

fn told(tokens: Tokens) -> Usage {
    Usage { tokens: Some(tokens), ..Usage::default() }
}

proptest! {
    #[test]
    fn a_cost_is_linear_and_never_negative(tokens in tokens(), prices in prop::collection::vec(0.0..1e-3f64, 10), times in 1..9u64) {
        let units = [
            Unit::InputToken, Unit::OutputToken, Unit::CacheRead, Unit::CacheCreation, Unit::CacheCreationHour,
            Unit::ReasoningToken, Unit::InputAudioToken, Unit::OutputAudioToken, Unit::InputImageToken, Unit::OutputImageToken,
        ];
        let info = priced(&units.into_iter().zip(prices.iter().copied()).collect::<Vec<_>>());
        let once = cost(&info, &told(tokens)).unwrap();
        let more = Tokens {
            prompt: tokens.prompt * times, cached: tokens.cached * times, created: tokens.created * times,
            created_hour: tokens.created_hour * times, prompt_audio: tokens.prompt_audio * times,
            prompt_image: tokens.prompt_image * times, completion: tokens.completion * times,
            reasoning: tokens.reasoning * times, completion_audio: tokens.completion_audio * times,
            completion_image: tokens.completion_image * times,
        };
        let more = cost(&info, &told(more)).unwrap();
        prop_assert!(once >= 0.0 && (more - once * times as f64).abs() <= 1e-9 * more.max(1.0));
        // No token is paid twice, none is forgotten.
        let most = prices.iter().copied().fold(0.0, f64::max) * (tokens.prompt + tokens.completion) as f64;
        let least = prices.iter().copied().fold(1.0, f64::min) * (tokens.prompt + tokens.completion) as f64;
        prop_assert!(least * 0.999_999 <= once && once <= most * 1.000_001);
    }

    #[test]
    fn one_price_for_all_kinds_is_that_price(tokens in tokens(), price in 0.0..1e-3f64) {
        let info = priced(&[(Unit::InputToken, price), (Unit::OutputToken, price)]);
        let sum = price * (tokens.prompt + tokens.completion) as f64;
        prop_assert!((cost(&info, &told(tokens)).unwrap() - sum).abs() <= 1e-9 * sum.max(1.0));
    }

    #[test]
    fn without_a_price_that_is_needed_there_is_none(tokens in tokens()) {
        let input = priced(&[(Unit::InputToken, 0.0)]);
        prop_assert_eq!(cost(&input, &told(tokens)).is_some(), tokens.completion == 0);
        let output = priced(&[(Unit::OutputToken, 0.0)]);
        prop_assert_eq!(cost(&output, &told(tokens)).is_some(), tokens.prompt == 0);
    }

    #[test]
    fn any_text_is_a_usage_or_none(text in "\\PC{0,80}", number in prop::num::f64::ANY) {
        let _ = Usage::read(&text);
        let usage = Usage::read(&format!(r#"{{"prompt_tokens":{number},"completion_tokens":{number:e},"total_tokens":1e400}}"#));
        let cost = cost(&priced(&[(Unit::InputToken, 1e-6), (Unit::OutputToken, 1e-6)]), &usage);
        prop_assert!(cost.is_none_or(|cost| cost >= 0.0 && cost.is_finite()));
    }
}

//! Streams that are kept, and what is kept as a stream.

use super::*;

#[tokio::test(start_paused = true)]
async fn streams_and_whole_answers_share_what_is_kept() {
    let router = cached(&[("g", "mock_response: to be or not to be")], "");
    let (chunks, ended) = read(open(&router, "").await).await;
    assert_eq!((text(&chunks).as_str(), ended.trail.hit().is_some()), ("to be or not to be", false));
    let whole = call(&router, &request("")).await.ok().unwrap();
    assert!(whole.trail.hit().is_some());
    let said: Value = serde_json::from_str(whole.answer.body.json().unwrap()).unwrap();
    assert_eq!(said["choices"][0]["message"]["content"], "to be or not to be");
    assert_eq!((&said["object"], &said["usage"]["total_tokens"]), (&json!("chat.completion"), &json!(30)));
    let (again, ended) = read(open(&router, "").await).await;
    assert_eq!(text(&again), text(&chunks));
    assert!(again[0].json().contains(r#""role":"assistant""#) && again.iter().all(|chunk| chunk.usage().is_none()));
    assert_eq!(
        again.iter().filter_map(Chunk::delta_text).collect::<Vec<_>>(),
        ["to ", "be ", "or ", "not ", "to ", "be"]
    );
    let told = crate::router::stream_metadata_json(&ended.trail, &ended.headers, Some(&ended.usage), ended.ttft);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&told["cache_hit"], &told["cost"], &told["usage"]["total_tokens"]),
        (&json!(true), &json!(0.0), &json!(30))
    );
    assert_eq!((&told["deployment"], &told["attempts"]), (&json!("g-0"), &json!([])));
    let (with_usage, _) = read(open(&router, r#""stream_options":{"include_usage":true}"#).await).await;
    assert!(with_usage.last().unwrap().is_usage_only());
    let mut all = Accumulated::default();
    with_usage.iter().for_each(|chunk| all.add(chunk));
    assert_eq!(all.whole(Verb::Chat).unwrap(), said, "played again it is the same");
    // And the other way: what came as a whole is streamed.
    assert!(!is_hit(&router, r#""seed":1"#).await);
    let (chunks, ended) = read(open(&router, r#""seed":1"#).await).await;
    assert!(ended.trail.hit().is_some() && text(&chunks) == "to be or not to be");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_not_read_to_its_end_is_not_kept() {
    let router = cached(&[("g", "mock_response: to be or not to be")], "");
    let (chunks, _) = read(open(&router, r#""seed":7"#).await).await;
    for read in 0..chunks.len() {
        let mut stream = open(&router, "").await;
        for _ in 0..read {
            assert!(stream.next().await.ok().unwrap().is_some());
        }
        assert!(stream.close().trail.hit().is_none());
        assert_eq!(snapshot(&router)["entries"], 1, "{read} of {}", chunks.len());
    }
    let broken = r#""mock_response":"Exception: mock_streaming_error""#;
    let failed = router.stream(Request::parse(&request(broken)).unwrap(), 1).await;
    assert!(failed.is_err());
    assert_eq!(snapshot(&router)["entries"], 1);
}

#[tokio::test(start_paused = true)]
async fn other_verbs_stream_what_is_kept() {
    let router = cached(&[("g", "mock_response: one two three")], "");
    for (verb, members) in [(Verb::Responses, r#""input":"i""#), (Verb::TextCompletion, r#""prompt":"p""#)] {
        let parse = || Request::parse_for(verb, &format!(r#"{{"model":"g",{members}}}"#)).unwrap();
        let whole = router.answer(&parse(), 1).await.ok().unwrap();
        let (chunks, ended) = read(router.stream(parse(), 1).await.ok().unwrap()).await;
        assert!(whole.trail.hit().is_none() && ended.trail.hit().is_some(), "{verb}");
        assert_eq!(text(&chunks), "one two three", "{verb}");
        // A stream first.
        let other = Request::parse_for(verb, &format!(r#"{{"model":"g",{members},"seed":1}}"#)).unwrap();
        let (_, ended) = read(router.stream(other, 1).await.ok().unwrap()).await;
        assert!(ended.trail.hit().is_none());
        let other = Request::parse_for(verb, &format!(r#"{{"model":"g",{members},"seed":1}}"#)).unwrap();
        let again = router.answer(&other, 1).await.ok().unwrap();
        assert!(again.trail.hit().is_some(), "{verb}");
        let said = crate::chat::text_of(verb, again.answer.body.json().unwrap());
        assert_eq!(said.as_deref(), Some("one two three"), "{verb}");
    }
}

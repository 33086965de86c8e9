//! Embeddings by their inputs, and answers that processes share.

use super::*;

fn embedding(input: &str) -> Request {
    Request::parse_for(Verb::Embedding, &format!(r#"{{"model":"g","input":{input}}}"#)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn embeddings_are_kept_by_their_inputs() {
    let router = cached(&[("g", "mock_response: [0.5], input_cost_per_token: 1")], "");
    let ask = async |input: &str| {
        let outcome = router.answer(&embedding(input), 1).await.ok().unwrap();
        let body: Value = serde_json::from_str(outcome.answer.body.json().unwrap()).unwrap();
        (metadata(&outcome), body)
    };
    let (told, body) = ask(r#"["x","yy"]"#).await;
    assert_eq!(
        (&told["cache_hit"], &told["cost"], body["data"].as_array().unwrap().len()),
        (&json!(false), &json!(10.0), 2)
    );
    let (told, body) = ask(r#"["z","x"]"#).await;
    assert_eq!((&told["cache_hit"], told["attempts"].as_array().unwrap().len()), (&json!(false), 1));
    assert_eq!(
        (&body["usage"]["prompt_tokens"], &told["cost"]),
        (&json!(15), &json!(10.0)),
        "only the new one is paid for"
    );
    assert_eq!((body["data"][0]["index"].clone(), body["data"][1]["index"].clone()), (json!(0), json!(1)));
    let (told, body) = ask(r#"["yy","z","x"]"#).await;
    assert_eq!((&told["cache_hit"], &told["cost"], &told["attempts"]), (&json!(true), &json!(0.0), &json!([])));
    assert_eq!((&body["usage"]["total_tokens"], body["data"].as_array().unwrap().len()), (&json!(20), 3));
    let (told, _) = ask(r#""yy""#).await;
    assert_eq!(told["cache_hit"], true);
    assert!(router.known(&embedding(r#""yy""#), 1).is_some());
    assert_eq!(answered(&router, "g"), 2);
    let lists = tokio::join!(ask(r#"["p","q"]"#), ask(r#"["p","q"]"#));
    assert_eq!(
        (answered(&router, "g"), &lists.1.0["cache_hit"]),
        (3, &json!(true)),
        "equal lists at one time are one call"
    );
}

#[tokio::test(start_paused = true)]
async fn another_number_of_vectors_is_not_kept() {
    let two = r#"{"object":"list","data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[2]}],"usage":{"prompt_tokens":2,"total_tokens":2}}"#;
    let router = cached(&[("g", "mock_response: [0.5]")], "");
    let said = |input: &str| {
        let text = format!(r#"{{"model":"g","input":{input},"mock_response":{two}}}"#);
        Request::parse_for(Verb::Embedding, &text).unwrap()
    };
    for _ in 0..2 {
        let outcome = router.answer(&said(r#"["a","b","c"]"#), 1).await.ok().unwrap();
        assert!(outcome.trail.hit().is_none() && outcome.answer.body.json().unwrap().contains("[2]"));
    }
    assert_eq!(snapshot(&router)["entries"], 0);
    // Known in part, and the rest comes in a wrong number: all is asked for again, and given as it comes.
    assert!(router.answer(&said(r#"["a","b"]"#), 1).await.ok().unwrap().trail.hit().is_none());
    let outcome = router.answer(&said(r#"["a","c"]"#), 1).await.ok().unwrap();
    assert_eq!((outcome.trail.hit().is_some(), outcome.trail.attempts()), (false, 2));
}

#[tokio::test(start_paused = true)]
async fn a_shelf_is_asked_once_for_many_and_shares_between_routers() {
    let shelf = Arc::new(crate::cache::tests::Fake::default());
    let load = || config::load(&format!("{}{CACHE}", list(&[("g", "mock_response: a")])), |_| None).ok().unwrap();
    let make = || Arc::new(Router::with_shelf(load(), Arc::clone(&shelf) as Arc<dyn crate::store::Shelf>).unwrap());
    let (one, other) = (make(), make());
    assert!(!is_hit(&one, "").await);
    tokio::time::sleep(Duration::from_millis(1)).await;
    let before = shelf.reads.load(std::sync::atomic::Ordering::Relaxed);
    let both = tokio::join!(is_hit(&other, ""), is_hit(&other, ""), is_hit(&other, ""));
    assert_eq!(both, (true, true, true));
    assert_eq!(shelf.reads.load(std::sync::atomic::Ordering::Relaxed), before + 1);
    assert_eq!((answered(&one, "g"), answered(&other, "g")), (1, 0));
    assert_eq!(snapshot(&other)["shared"]["state"], "ready");
    // A reload keeps it, even if it makes a new memory.
    let text = format!("{}{CACHE}default_cache_time_seconds: 9", list(&[("g", "mock_response: a")]));
    let reloaded = other.reloaded(config::load(&text, |_| None).ok().unwrap()).unwrap();
    assert!(is_hit(&reloaded, "").await);
    // One that is gone costs no call.
    shelf.broken.store(true, std::sync::atomic::Ordering::Relaxed);
    for seed in 0..5 {
        assert!(!is_hit(&other, &format!(r#""seed":{seed}"#)).await);
    }
    assert_eq!(snapshot(&other)["shared"]["state"], "away");
}

//! One configuration in the place of another: what was learnt of who stays is kept.

use std::sync::Arc;

use super::*;

fn yaml(entries: &[(&str, &str)]) -> String {
    format!("{}router_settings: {{num_retries: 0, cooldown_time: 100, allowed_fails: 0}}", list(entries))
}

fn reloaded(router: &Router, entries: &[(&str, &str)]) -> Router {
    router.reloaded(config::load(&yaml(entries), |_| None).ok().unwrap()).unwrap()
}

fn deployment(router: &Router, group: &str, index: usize) -> Arc<crate::deployment::Deployment> {
    Arc::clone(router.names.resolve(group, false).unwrap().group.member(index).unwrap().deployment())
}

#[tokio::test(start_paused = true)]
async fn health_use_and_latency_stay_with_the_id() {
    let old = Router::new(
        config::load(&yaml(&[("g", "mock_error: 500"), ("h", "mock_response: a, mock_delay: 2")]), |_| None)
            .ok()
            .unwrap(),
    )
    .unwrap();
    call_group(&old, "g").await.err().unwrap();
    call_group(&old, "h").await.ok().unwrap();
    // The same ids, other settings.
    let new = reloaded(&old, &[("g", "mock_response: a"), ("h", "mock_response: b")]);
    assert_eq!(kind(&call_group(&new, "g").await), Some(ErrorKind::NoDeploymentAvailable));
    let kept = deployment(&new, "h", 0);
    assert_eq!(kept.state.window.used(clock::now()).tokens(), 30);
    assert!(kept.state.latency.value(clock::now()) >= Some(0.1));
    assert_eq!(kept.counts(), (1, 0));
    let text = call_group(&new, "h").await.ok().unwrap().answer.body.json().unwrap().to_owned();
    assert!(text.contains("\"b\""), "the new settings count: {text}");
    // Who has gone and comes again is new.
    let without = reloaded(&new, &[("h", "mock_response: b")]);
    let again = reloaded(&without, &[("g", "mock_response: a")]);
    assert!(call_group(&again, "g").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_keep_their_configuration_and_are_counted_once() {
    let slow = &[("g", "mock_response: old, mock_delay: 5")];
    let old = Arc::new(Router::new(config::load(&yaml(slow), |_| None).ok().unwrap()).unwrap());
    let running = Arc::clone(&old);
    let begun =
        tokio::spawn(
            async move { call_group(&running, "g").await.ok().unwrap().answer.body.json().unwrap().to_owned() },
        );
    tokio::task::yield_now().await;
    let new = reloaded(&old, &[("g", "mock_response: new")]);
    assert_eq!(deployment(&new, "g", 0).in_flight(), 1);
    // One that was taken out and put in again begins at 0, and the call that ends changes nothing about it.
    let fresh = reloaded(&reloaded(&new, &[]), &[("g", "mock_response: new")]);
    assert_eq!(deployment(&fresh, "g", 0).in_flight(), 0);
    drop(old);
    assert!(begun.await.unwrap().contains("\"old\""));
    assert_eq!((deployment(&new, "g", 0).in_flight(), deployment(&fresh, "g", 0).in_flight()), (0, 0));
}

#[test]
fn a_refused_key_stays_refused() {
    let keyed = "model_list:
- {model_name: a, litellm_params: {model: openai/x, api_key: k1, api_base: 'http://h:1'}, model_info: {id: one}}";
    let old = router(keyed);
    let now = clock::now();
    deployment(&old, "a", 0).key.start(now, Duration::from_secs(60), "AuthenticationError");
    let renamed = keyed.replace("id: one", "id: two");
    let new = old.reloaded(config::load(&renamed, |_| None).ok().unwrap()).unwrap();
    assert!(deployment(&new, "a", 0).benched_for(now).is_some());
    let other = keyed.replace("k1", "k2");
    let new = new.reloaded(config::load(&other, |_| None).ok().unwrap()).unwrap();
    assert!(deployment(&new, "a", 0).key.left(now).is_none());
}

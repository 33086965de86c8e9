//! Several routers over one store, as processes of a fleet, with time turned by hand.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::Value;

use super::limits::{CALL, deployment};
use super::*;
use crate::store::Engine;
use crate::store::memory::{Link, Memory};

const SECOND: Duration = Duration::from_secs(1);

/// A router, its way to the store, and its task.
struct Process {
    router: Arc<Router>,
    link: Arc<Link>,
}

fn yaml(entries: &[(&str, &str)], settings: &str, own: &str) -> String {
    let own = format!("llmrouter_settings: {{shared_state: {{file: memory}}, {own}}}");
    format!("{}router_settings: {{num_retries: 0, {settings}}}\n{own}\n", list(entries))
}

/// Limits hold in all of these.
const CHECKS: &str = "enable_pre_call_checks: true";

impl Process {
    fn new(memory: &Arc<Memory>, yaml: &str) -> Self {
        let link = memory.link();
        let engine = Arc::clone(&link) as Arc<dyn Engine>;
        let config = config::load(yaml, |_| None).map_err(|error| error.message).unwrap();
        let router = Arc::new(Router::over(config, None, &engine).unwrap());
        tokio::spawn(Arc::clone(router.fleet().unwrap()).run());
        Self { router, link }
    }

    fn reload(&mut self, yaml: &str) {
        let engine = Arc::clone(&self.link) as Arc<dyn Engine>;
        let config = config::load(yaml, |_| None).map_err(|error| error.message).unwrap();
        self.router = Arc::new(Router::over(config, Some(&self.router), &engine).unwrap());
    }

    async fn answered(&self, calls: usize) -> usize {
        let mut count = 0;
        for _ in 0..calls {
            count += usize::from(call(&self.router, CALL).await.is_ok());
        }
        count
    }

    fn snapshot(&self) -> Value {
        serde_json::from_str(&self.router.snapshot()).unwrap()
    }

    fn store(&self) -> Value {
        self.snapshot()["store"].clone()
    }
}

/// So many processes, that have heard of each other's store.
async fn processes(count: usize, yaml: &str) -> (Arc<Memory>, Vec<Process>) {
    let memory = Arc::new(Memory::default());
    let all = (0..count).map(|_| Process::new(&memory, yaml)).collect();
    clock::sleep(SECOND).await;
    (memory, all)
}

#[tokio::test(start_paused = true)]
async fn requests_of_all_count_against_one_limit() {
    for limit in [1, 3, 10, 100] {
        let yaml = yaml(&[("g", &format!("mock_response: a, rpm: {limit}"))], CHECKS, "");
        let (_memory, all) = processes(4, &yaml).await;
        let mut answered = 0;
        for turn in 0..limit {
            answered += all[turn % 4].answered(2).await;
        }
        for process in &all {
            answered += process.answered(limit).await;
        }
        assert_eq!(answered, limit);
        let used: u64 =
            (0..4).map(|place| deployment(&all[place].router, 0).state.window.used(clock::now()).requests).sum();
        assert_eq!(used as usize, limit);
        // After its minute all of it is there again.
        tokio::time::advance(SECOND * 65).await;
        clock::sleep(SECOND).await;
        assert_eq!(all[0].answered(limit).await, limit);
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_are_reserved_and_settled_for_all() {
    // Thirty tokens an answer, and as many expected.
    let asks = r#"{"model":"g","messages":[{"role":"user","content":"hi"}],"max_tokens":28}"#;
    let yaml = yaml(&[("g", "mock_response: a, tpm: 300")], CHECKS, "");
    let (_memory, all) = processes(3, &yaml).await;
    let mut answered = 0;
    for _ in 0..8 {
        for process in &all {
            answered += usize::from(call(&process.router, asks).await.is_ok());
        }
    }
    assert_eq!(answered, 10);
    clock::sleep(SECOND).await;
    let tpm = all[0].snapshot()["groups"][0]["deployments"][0]["tpm"].as_u64();
    assert_eq!(tpm, Some(300), "the fleet's use is told");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_full_is_left_for_another_in_the_same_call() {
    let yaml = yaml(&[("g", "mock_response: a, rpm: 5, order: 1"), ("g", "mock_response: b, order: 2")], CHECKS, "");
    let (_memory, all) = processes(2, &yaml).await;
    assert_eq!((all[0].answered(5).await, all[1].answered(5).await), (5, 5));
    let used = |process: &Process, index| deployment(&process.router, index).state.window.used(clock::now()).requests;
    assert_eq!(used(&all[0], 0) + used(&all[1], 0), 5);
    assert_eq!(used(&all[0], 1) + used(&all[1], 1), 5);
}

#[tokio::test(start_paused = true)]
async fn slots_are_those_of_all() {
    let yaml = yaml(&[("g", "mock_response: a, mock_delay: 10, max_parallel_requests: 6")], "", "");
    let (_memory, all) = processes(3, &yaml).await;
    let mut running = Vec::new();
    for turn in 0..12 {
        let router = Arc::clone(&all[turn % 3].router);
        running.push(tokio::spawn(async move { call(&router, CALL).await.is_ok() }));
        clock::sleep(SECOND / 20).await;
    }
    let held: u32 = all.iter().map(|process| deployment(&process.router, 0).in_flight()).sum();
    assert_eq!(held, 6);
    let mut answered = 0;
    for one in running {
        answered += usize::from(one.await.unwrap());
    }
    assert_eq!(answered, 6);
    clock::sleep(SECOND * 5).await;
    assert_eq!(all[2].answered(2).await, 2);
}

#[tokio::test(start_paused = true)]
async fn what_cools_here_cools_everywhere_within_a_second() {
    let settings = "cooldown_time: 100, allowed_fails: 0";
    let failing = yaml(&[("g", "mock_error: 500"), ("g", "mock_response: a")], settings, "");
    let (memory, all) = processes(2, &failing).await;
    while deployment(&all[0].router, 0).benched_for(clock::now()).is_none() {
        let _ = call(&all[0].router, CALL).await;
    }
    clock::sleep(SECOND).await;
    let told = all[1].snapshot()["groups"][0]["deployments"][0].clone();
    assert_eq!((&told["state"], &told["cause"]), (&"cooling".into(), &"InternalServerError".into()));
    assert_eq!(told["from_fleet"], true);
    let plan = all[1].router.explain(&Request::parse(CALL).unwrap()).unwrap();
    assert!(plan.contains("as another process told"), "{plan}");
    // A process that begins now knows it before its first pick.
    let new = Process::new(&memory, &failing);
    for _ in 0..20 {
        let outcome = call(&new.router, CALL).await;
        assert_eq!(asked(&outcome), ["g-1"]);
    }
}

#[tokio::test(start_paused = true)]
async fn modes_of_a_store_that_is_away() {
    for (mode, expected) in [("fail_open", 10), ("local_share", 5), ("fail_closed", 0)] {
        let entries = [("g", "mock_response: a, rpm: 10"), ("free", "mock_response: b")];
        let (_memory, all) = processes(2, &yaml(&entries, CHECKS, &format!("redis_failure: {mode}"))).await;
        assert_eq!((all[0].answered(1).await, all[1].answered(1).await), (1, 1), "{mode}");
        clock::sleep(SECOND * 65).await;
        // Both are known again.
        assert_eq!((all[0].answered(1).await, all[1].answered(1).await), (1, 1), "{mode}");
        clock::sleep(SECOND / 2).await;
        Link::set(&all[0].link.failing, true);
        clock::sleep(SECOND * 5).await;
        let store = all[0].store();
        assert_eq!((&store["state"], &store["mode"]), (&"alone".into(), &mode.into()));
        assert_eq!(store["last_error"], "refused");
        let before = clock::now();
        let answered = all[0].answered(20).await;
        assert_eq!(answered, usize::saturating_sub(expected, 1), "{mode}: one was used before");
        assert_eq!(clock::now(), before, "nobody waits");
        assert!(call_group(&all[0].router, "free").await.is_ok(), "{mode}: without a limit all goes on");
        if mode == "fail_closed" {
            let error = call(&all[0].router, CALL).await.err().unwrap().error;
            assert!(error.message().contains("refused while the store of their shared limits is away"), "{error:?}");
            assert_eq!((error.kind(), error.retry_after()), (ErrorKind::NoDeploymentAvailable, Some(SECOND)));
        }
        Link::set(&all[0].link.failing, false);
        clock::sleep(SECOND * 2).await;
        assert_eq!(all[0].store()["state"], "shared", "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_frozen_store_loses_no_call_and_costs_three_patiences() {
    let (_memory, all) = processes(2, &yaml(&[("g", "mock_response: a, rpm: 100000")], CHECKS, "")).await;
    assert_eq!(all[0].answered(10).await, 10);
    Link::set(&all[0].link.frozen, true);
    let before = clock::now();
    assert_eq!(all[0].answered(1000).await, 1000);
    assert!(clock::now() - before <= Duration::from_millis(20), "{:?}", clock::now() - before);
    assert_eq!(all[0].store()["misses"], 3);
    let before = clock::now();
    assert_eq!(all[0].answered(1000).await, 1000);
    assert_eq!(clock::now(), before);
}

#[tokio::test(start_paused = true)]
async fn many_at_once_wait_for_one_renewal() {
    let (_memory, all) = processes(2, &yaml(&[("g", "mock_response: a, rpm: 500")], CHECKS, "")).await;
    all[0].link.slow.store(2, Ordering::SeqCst);
    let shares = all[0].link.shares.load(Ordering::SeqCst);
    let calls: Vec<_> = (0..1000)
        .map(|_| {
            let router = Arc::clone(&all[0].router);
            tokio::spawn(async move { call(&router, CALL).await.is_ok() })
        })
        .collect();
    let mut answered = 0;
    for call in calls {
        answered += usize::from(call.await.unwrap());
    }
    assert_eq!(answered, 500);
    assert!(all[0].link.shares.load(Ordering::SeqCst) - shares <= 4);
}

#[tokio::test(start_paused = true)]
async fn the_exact_way_is_exact() {
    let yaml = yaml(&[("g", "mock_response: a, rpm: 10")], CHECKS, "shared_limits: exact");
    let (_memory, all) = processes(3, &yaml).await;
    let mut answered = 0;
    for turn in 0..30 {
        answered += all[turn % 3].answered(1).await;
    }
    assert_eq!(answered, 10);
    let takes: usize = all.iter().map(|process| process.link.takes.load(Ordering::SeqCst)).sum();
    assert!((10..=16).contains(&takes), "{takes}");
    let used: u64 = all.iter().map(|one| deployment(&one.router, 0).state.window.used(clock::now()).requests).sum();
    assert_eq!(used, 10, "what was refused is given back");
    // What failed takes no tokens there either.
    let yaml = super::fleet::yaml(&[("g", "mock_error: 500, tpm: 100")], CHECKS, "shared_limits: exact");
    let (memory, all) = processes(1, &yaml).await;
    let asks = r#"{"model":"g","messages":[{"role":"user","content":"hi"}],"max_tokens":90}"#;
    for _ in 0..3 {
        let _ = call(&all[0].router, asks).await;
        clock::sleep(SECOND).await;
    }
    assert_eq!(memory.taken("g-0"), 0);
    assert_eq!(all[0].link.takes.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_budget_is_spent_by_all() {
    let priced =
        "mock_response: a, input_cost_per_token: 1, output_cost_per_token: 1, max_budget: 45, budget_duration: 1h";
    let (_memory, all) = processes(2, &yaml(&[("g", priced)], "", "")).await;
    // Thirty dollars each.
    assert_eq!((all[0].answered(1).await, all[1].answered(1).await), (1, 1));
    clock::sleep(SECOND * 2).await;
    for process in &all {
        let error = call(&process.router, CALL).await.err().unwrap().error;
        assert_eq!(error.kind(), ErrorKind::BudgetExceeded);
        assert!(error.message().contains("60.000000 of 45 dollars"), "{}", error.message());
    }
}

#[tokio::test(start_paused = true)]
async fn usage_based_picks_go_by_the_fleets_use() {
    let entries = [("g", "mock_response: a, rpm: 1000"), ("g", "mock_response: b, rpm: 1000")];
    let (_memory, all) = processes(2, &yaml(&entries, "routing_strategy: usage-based-routing-v2", "")).await;
    // Each asks each once, and then one of them a lot, by its id.
    assert_eq!((all[0].answered(2).await, all[1].answered(2).await), (2, 2));
    for _ in 0..10 {
        assert!(call_group(&all[0].router, "g-0").await.is_ok());
    }
    clock::sleep(SECOND).await;
    for _ in 0..5 {
        assert_eq!(asked(&call(&all[1].router, CALL).await), ["g-1"]);
    }
}

#[tokio::test(start_paused = true)]
async fn others_latency_counts_where_that_is_asked_for() {
    let entries = [("g", "mock_response: a, mock_delay: 5"), ("g", "mock_response: b, mock_delay: 1")];
    let latency = "routing_strategy: latency-based-routing";
    let (_memory, all) = processes(2, &yaml(&entries, latency, "shared_latency: true")).await;
    for id in ["g-0", "g-1"] {
        assert!(call_group(&all[0].router, id).await.is_ok());
    }
    // Heard of with the first asking, which any use brings about.
    for id in ["g-0", "g-1"] {
        deployment(&all[1].router, usize::from(id == "g-1")).state.window.reserve(
            crate::deployment::Used { requests: 1, ..Default::default() },
            &crate::deployment::Limits::default(),
            clock::now(),
        );
        all[1].router.names.leases().for_each(|lease| lease.note(Default::default()));
    }
    let plan = || all[1].router.explain(&Request::parse(CALL).unwrap()).unwrap();
    assert!(plan().contains(r#""share":0.5"#), "{}", plan());
    all[1]
        .router
        .names
        .leases()
        .for_each(|lease| lease.note(crate::deployment::Used { requests: 1, ..Default::default() }));
    clock::sleep(SECOND * 2).await;
    assert!(plan().contains(r#""share":1.0"#), "{}", plan());
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_the_fleet_and_what_it_holds() {
    let limited = |rpm: u32| yaml(&[("g", &format!("mock_response: a, rpm: {rpm}"))], CHECKS, "");
    let (memory, mut all) = processes(2, &limited(10)).await;
    assert_eq!(all[0].answered(6).await, 6);
    let before = Arc::clone(all[0].router.fleet().unwrap());
    all[0].reload(&limited(10));
    assert!(Arc::ptr_eq(&before, all[0].router.fleet().unwrap()));
    assert_eq!(all[0].answered(2).await, 2);
    all[0].reload(&limited(9));
    assert_eq!((all[0].answered(3).await, all[1].answered(3).await), (1, 1));
    // Another namespace is another fleet; without a store there is none.
    all[0].reload(&yaml(&[("g", "mock_response: a, rpm: 10")], CHECKS, "shared_namespace: other"));
    assert!(!Arc::ptr_eq(&before, all[0].router.fleet().unwrap()));
    before.ended().await;
    assert_eq!(memory.rows(), 1, "the other process's");
    let alone = format!("{}router_settings: {{num_retries: 0}}", list(&[("g", "mock_response: a")]));
    let config = config::load(&alone, |_| None).ok().unwrap();
    let router = all[0].router.reloaded(config).unwrap();
    assert!(router.fleet().is_none() && call(&router, CALL).await.is_ok());
    assert!(router.snapshot().contains(r#""store":null"#));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_room_of_the_fleet_gets_it() {
    let yaml = yaml(&[("g", "mock_response: a, rpm: 4")], &format!("{CHECKS}, timeout: 100"), "on_exhausted: wait");
    let (_memory, all) = processes(2, &yaml).await;
    assert_eq!(all[0].answered(4).await, 4);
    let before = clock::now();
    assert_eq!(all[1].answered(2).await, 2);
    let waited = clock::now() - before;
    assert!(waited > SECOND * 58 && waited < SECOND * 66, "{waited:?}");
}

/// Without a store a call does nothing of all this.
#[tokio::test(start_paused = true)]
async fn without_a_store_nothing_is_held() {
    let router = router(&list(&[("g", "mock_response: a, rpm: 4")]));
    assert!(call(&router, CALL).await.is_ok());
    assert!(router.fleet().is_none() && router.names.leases().next().is_none());
    assert_eq!(std::mem::align_of::<crate::deployment::State>(), 64);
}

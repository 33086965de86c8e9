//! Any schedule of calls, faults, cancels and reloads: the counts stay true, and no limit is passed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;
use tokio::task::{JoinHandle, yield_now};

use super::*;
use crate::deployment::State;

const MINUTE: Duration = Duration::from_secs(60);
/// Of each deployment, whatever the rest of its configuration is. The last has none.
const LIMITS: [Option<usize>; 3] = [Some(2), Some(5), None];
const SLOTS: usize = 3;
const STRATEGIES: [&str; 5] =
    ["simple-shuffle", "least-busy", "usage-based-routing-v2", "latency-based-routing", "cost-based-routing"];

/// What happens next.
#[derive(Clone, Debug)]
enum Event {
    /// A call that is answered after so many milliseconds, or fails then.
    Call { ms: u64, fails: bool },
    /// A stream whose reader takes so long, and goes without its end if it is told to.
    Stream { ms: u64, leaves: bool },
    /// The caller of one of the open calls goes.
    Cancel(usize),
    /// A configuration with some of the deployments.
    Reload { kept: u8, strategy: usize },
}

fn event() -> impl Strategy<Value = (u64, Event)> {
    let event = prop_oneof![
        6 => (0u64..40_000, any::<bool>()).prop_map(|(ms, fails)| Event::Call { ms, fails }),
        3 => (0u64..90_000, any::<bool>()).prop_map(|(ms, leaves)| Event::Stream { ms, leaves }),
        2 => (0usize..8).prop_map(Event::Cancel),
        1 => (1u8..8, 0..STRATEGIES.len()).prop_map(|(kept, strategy)| Event::Reload { kept, strategy }),
    ];
    // Mostly bursts, at times a long rest.
    let pause = prop_oneof![6 => 0u64..400, 2 => 0u64..5_000, 1 => 0u64..70_000];
    (pause, event)
}

fn configuration(kept: u8, strategy: usize) -> String {
    let mut yaml = "model_list:\n".to_owned();
    for (place, limit) in LIMITS.iter().enumerate().filter(|(place, _)| kept & (1 << place) != 0) {
        let rpm = limit.map(|limit| format!(", rpm: {limit}")).unwrap_or_default();
        writeln!(
            yaml,
            "- {{model_name: g, litellm_params: {{model: openai/m, mock_response: a, max_parallel_requests: {SLOTS}{rpm}}}, model_info: {{id: d{place}}}}}"
        )
        .unwrap();
    }
    let strategy = STRATEGIES[strategy];
    yaml + &format!(
        "router_settings: {{num_retries: 0, disable_cooldowns: true, enable_pre_call_checks: true, routing_strategy: {strategy}}}"
    )
}

/// A router under a schedule, and what is seen of it from outside.
struct World {
    router: Arc<Router>,
    /// Every state that a deployment ever had, with its limit: one that was taken out and came again is a new one.
    states: Vec<(Arc<State>, usize)>,
    open: Vec<JoinHandle<()>>,
    /// When attempts began, by the place of their state.
    begun: HashMap<usize, Vec<Instant>>,
}

impl World {
    fn new(kept: u8, strategy: usize) -> Self {
        let router = Arc::new(router(&configuration(kept, strategy)));
        let mut world = Self { router, states: Vec::new(), open: Vec::new(), begun: HashMap::new() };
        world.note_states();
        world
    }

    fn note_states(&mut self) {
        for member in self.router.names.groups().flat_map(super::super::group::Group::usable) {
            let (state, id) = (&member.deployment().state, member.deployment().id());
            if !self.states.iter().any(|(known, _)| Arc::ptr_eq(known, state)) {
                self.states.push((Arc::clone(state), id[1..].parse().unwrap()));
            }
        }
    }

    fn requests(&self) -> Vec<u64> {
        self.states.iter().map(|(state, _)| state.window.used(clock::now()).requests).collect()
    }

    async fn play(&mut self, event: &Event) {
        let router = Arc::clone(&self.router);
        match *event {
            Event::Call { ms, fails } => {
                let plays = if fails { r#""mock_error":500"# } else { r#""mock_response":"a""# };
                let request = format!(r#"{{"model":"g","messages":[],{plays},"mock_delay_ms":{ms}}}"#);
                self.begin(async move { drop(call(&router, &request).await) }).await;
            }
            Event::Stream { ms, leaves } => {
                let request = Request::parse(r#"{"model":"g","messages":[],"stream":true}"#).unwrap();
                self.begin(async move {
                    let Ok(mut stream) = router.stream(request, 1).await else { return };
                    clock::sleep(Duration::from_millis(ms)).await;
                    while !leaves && stream.next().await.is_ok_and(|chunk| chunk.is_some()) {}
                })
                .await;
            }
            Event::Cancel(place) if !self.open.is_empty() => {
                let call = self.open.remove(place % self.open.len());
                call.abort();
                assert!(call.await.is_err_and(|error| error.is_cancelled()));
            }
            Event::Cancel(_) => {}
            Event::Reload { kept, strategy } => {
                let config = config::load(&configuration(kept, strategy), |_| None).ok().unwrap();
                self.router = Arc::new(self.router.reloaded(config).unwrap());
                self.note_states();
            }
        }
    }

    /// Begins a call. Where it went shows in the use of the minute, which nothing else changes meanwhile.
    async fn begin(&mut self, call: impl Future<Output = ()> + Send + 'static) {
        let before = self.requests();
        self.open.push(tokio::spawn(call));
        self.settle().await;
        let begun = self.requests().iter().zip(&before).position(|(after, before)| after > before);
        if let Some(place) = begun {
            self.begun.entry(place).or_default().push(clock::now());
        }
    }

    /// Lets everything run that is ready, and forgets the calls that have ended.
    async fn settle(&mut self) {
        for _ in 0..8 {
            yield_now().await;
        }
        self.open.retain(|call| !call.is_finished());
    }

    /// Every open call is at work somewhere and nowhere twice, and nobody has more than its slots.
    fn counts_are_true(&self) -> Result<(), TestCaseError> {
        let in_flight: Vec<usize> = self.states.iter().map(|(state, _)| state.in_flight() as usize).collect();
        prop_assert_eq!(in_flight.iter().sum::<usize>(), self.open.len());
        prop_assert!(in_flight.iter().all(|count| *count <= SLOTS), "{:?}", in_flight);
        Ok(())
    }

    /// However 60 s are laid over the attempts, they hold no more than the limit.
    fn limits_were_kept(&self) -> Result<(), TestCaseError> {
        for (place, begun) in &self.begun {
            let Some(limit) = LIMITS[self.states[*place].1] else { continue };
            for (first, start) in begun.iter().enumerate() {
                let count = begun[first..].iter().take_while(|at| **at < *start + MINUTE).count();
                prop_assert!(count <= limit, "{} of {} in a minute", count, limit);
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn counts_stay_true_and_limits_are_kept(events in prop::collection::vec(event(), 1..60), strategy in 0..STRATEGIES.len()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(7, strategy);
            for (pause, event) in &events {
                tokio::time::sleep(Duration::from_millis(*pause)).await;
                world.settle().await;
                world.counts_are_true()?;
                world.play(event).await;
                world.settle().await;
                world.counts_are_true()?;
            }
            tokio::time::sleep(Duration::from_secs(300)).await;
            world.settle().await;
            prop_assert_eq!(world.open.len(), 0);
            world.counts_are_true()?;
            world.limits_were_kept()
        })?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However calls come, as long as there are always some that want in: hardly less than the limit is used.
    #[test]
    fn under_pressure_the_limit_is_used(
        limit in 20usize..120,
        by_tokens in any::<bool>(),
        pauses in prop::collection::vec(50u64..400, 1..30),
    ) {
        // Two tokens of the prompt and 28 of the answer at most: what a mock's answer takes, too.
        let request = r#"{"model":"g","messages":[{"role":"user","content":"hi"}],"max_tokens":28}"#;
        let limits = if by_tokens { format!("tpm: {}", 30 * limit) } else { format!("rpm: {limit}") };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let params = format!("mock_response: a, {limits}");
            let router = router(&(list(&[("g", &params)]) + "router_settings: {num_retries: 0, enable_pre_call_checks: true}"));
            let (start, mut answered) = (clock::now(), Vec::new());
            for pause in pauses.iter().cycle() {
                if clock::now() - start > 5 * MINUTE {
                    break;
                }
                if call(&router, request).await.is_ok() {
                    answered.push(clock::now());
                }
                tokio::time::advance(Duration::from_millis(*pause)).await;
            }
            for (first, at) in answered.iter().enumerate() {
                let count = answered[first..].iter().take_while(|other| **other < *at + MINUTE).count();
                prop_assert!(count <= limit, "{} of {}", count, limit);
            }
            prop_assert!(answered.len() as f64 >= 0.95 * 5.0 * limit as f64, "{} of {}", answered.len(), 5 * limit);
            Ok(())
        })?;
    }
}

//! Properties over real sockets, for any graph of fallbacks and any script of faults: a call ends within its bounds, what
//! is told of it is what the provider saw, and each attempt's bytes are those of a direct call to that deployment.

use fakeprovider::abi::Router;
use fakeprovider::{FakeProvider, Script};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

const GROUPS: usize = 4;
/// What a deployment answers, again and again in this order.
const REPLIES: [&str; 10] = [
    "200",
    "500",
    "503",
    "400",
    "401",
    "404",
    r#"{"status": 429}"#,
    r#"{"status": 429, "headers": {"retry-after": "0"}}"#,
    r#"{"status": 400, "json": {"error": {"code": "context_length_exceeded", "message": "too long"}}}"#,
    r#"{"reset_before_headers": true}"#,
];

#[derive(Clone, Debug)]
struct World {
    /// Of each group, of each deployment: its replies.
    deployments: Vec<Vec<Vec<usize>>>,
    /// Fallbacks of each group; whether each changes the request.
    fallbacks: Vec<Vec<(usize, bool)>>,
    retries: u32,
    max_fallbacks: usize,
    weighted: bool,
    calls: usize,
}

fn world() -> impl Strategy<Value = World> {
    let replies = prop::collection::vec(0..REPLIES.len(), 1..4);
    let deployments = prop::collection::vec(prop::collection::vec(replies, 1..3), GROUPS);
    let fallbacks = prop::collection::vec(prop::collection::vec((0..GROUPS, any::<bool>()), 0..3), GROUPS);
    (deployments, fallbacks, 0u32..3, 0usize..4, any::<bool>(), 1usize..3).prop_map(
        |(deployments, fallbacks, retries, max_fallbacks, weighted, calls)| World {
            deployments,
            fallbacks,
            retries,
            max_fallbacks,
            weighted,
            calls,
        },
    )
}

impl World {
    /// Each deployment has parameters of its own, so that what leaks from one into the next shows.
    fn config(&self, base: &str) -> Value {
        let mut list = Vec::new();
        for (group, members) in self.deployments.iter().enumerate() {
            for place in 0..members.len() {
                let id = format!("d{group}-{place}");
                let model = if place == 0 { format!("openai/m{group}") } else { format!("groq/m{group}-{place}") };
                list.push(json!({
                    "model_name": format!("g{group}"),
                    "litellm_params": {
                        "model": model, "api_key": format!("sk-{id}-0123456789"), "api_base": format!("{base}/{id}/v1"),
                        format!("only_of_{id}"): group, "temperature": 0.5,
                        "extra_headers": {format!("x-only-{id}"): "yes"},
                    },
                    "model_info": {"id": id},
                }));
            }
        }
        let target = |(group, changes): &(usize, bool)| match changes {
            true => json!({"model": format!("g{group}"), "seed": group, "temperature": 0.125}),
            false => json!(format!("g{group}")),
        };
        let lists = |targets: &Vec<(usize, bool)>| targets.iter().map(target).collect::<Vec<_>>();
        let fallbacks: Vec<_> = self
            .fallbacks
            .iter()
            .enumerate()
            .map(|(group, targets)| json!({format!("g{group}"): lists(targets)}))
            .collect();
        json!({
            "model_list": list,
            "router_settings": {
                "num_retries": self.retries, "max_fallbacks": self.max_fallbacks, "fallbacks": fallbacks,
                "enable_weighted_failover": self.weighted,
            },
            "llmrouter_settings": {"backoff": {"initial": 0, "jitter": 0}},
        })
    }

    fn script(&self) -> Script {
        let mut paths = Map::new();
        for (group, members) in self.deployments.iter().enumerate() {
            for (place, replies) in members.iter().enumerate() {
                let replies: Vec<Value> =
                    replies.iter().map(|reply| serde_json::from_str(REPLIES[*reply]).unwrap()).collect();
                paths.insert(format!("/d{group}-{place}"), json!({"replies": replies, "then": "cycle"}));
            }
        }
        Script::from_json(json!({"paths": paths})).unwrap()
    }
}

const REQUEST: &str = r#"{"model": "MODEL", "messages": [{"role":"user","content":"caf\u00e9"}], "top_p": 0.50,
    "metadata": {"a": 1}, "timeout": 20, "seed": 7}"#;

/// What a request said, without what differs between any two: the connection's own headers.
fn said(entry: &fakeprovider::Entry) -> (String, Value, String) {
    (entry.path.clone(), Value::Object(entry.headers.clone()), entry.raw.clone())
}

fn deployment_of(path: &str) -> String {
    path.trim_start_matches('/').split('/').next().unwrap_or_default().to_owned()
}

fn holds(runtime: &Runtime, world: &World) -> Result<(), TestCaseError> {
    let provider = runtime.block_on(FakeProvider::start(world.script())).unwrap();
    let config = world.config(&provider.base_url()).to_string();
    let router = Router::from_yaml(&config).unwrap();
    let mut seen = Vec::new();
    for _ in 0..world.calls {
        provider.clear();
        let plan = router.explain(&REQUEST.replace("MODEL", "g0")).unwrap();
        let outcome = router.completion(&REQUEST.replace("MODEL", "g0"));
        let attempts = match &outcome {
            Ok(answer) => answer.metadata["attempts"].clone(),
            Err(failure) => failure.json["attempts"].clone(),
        };
        let attempts = attempts.as_array().unwrap();
        let asked: Vec<_> = attempts.iter().filter(|attempt| attempt["skipped"].is_null()).collect();
        let log = provider.log();
        let told: Vec<_> = asked.iter().map(|attempt| attempt["deployment"].as_str().unwrap().to_owned()).collect();
        let came: Vec<_> = log.iter().map(|entry| deployment_of(&entry.path)).collect();
        prop_assert_eq!(&told, &came, "what is told is what came");
        let rounds = if world.weighted { 1 + world.max_fallbacks } else { 1 };
        prop_assert!(came.len() <= (1 + world.max_fallbacks) * rounds * (world.retries as usize + 1));
        if let (Some(first), Some(order)) = (asked.first(), plan["order"].as_array()) {
            prop_assert_eq!(Some(&first["model_group"]), order.first());
        }
        let changed: Vec<_> = asked.iter().map(|attempt| attempt["model_group"].as_str().unwrap().to_owned()).collect();
        seen.extend(log.iter().map(said).zip(changed));
    }
    for group in router.snapshot()["groups"].as_array().unwrap() {
        for deployment in group["deployments"].as_array().unwrap() {
            prop_assert_eq!(&deployment["in_flight"], &json!(0));
        }
    }
    // The same requests, each made directly to its deployment, of a router that has seen no failure.
    provider.set_script(&Script::default()).unwrap();
    for (attempt, group) in seen {
        let id = deployment_of(&attempt.0);
        let target =
            world.fallbacks.iter().flatten().any(|(target, changes)| *changes && format!("g{target}") == group);
        let plain = REQUEST.replace("MODEL", &id);
        let mut changed: Map<String, Value> = serde_json::from_str(&plain).unwrap();
        changed.insert("seed".to_owned(), group.trim_start_matches('g').parse::<u64>().unwrap().into());
        changed.insert("temperature".to_owned(), json!(0.125));
        let direct = |request: &str| {
            provider.clear();
            let fresh = Router::from_yaml(&config).unwrap();
            assert!(fresh.completion(request).is_ok());
            said(&provider.log()[0])
        };
        let as_it_was = direct(&plain);
        if as_it_was == attempt {
            continue;
        }
        prop_assert!(target, "{:?} is not {:?}", attempt, as_it_was);
        // What the fallback changed stands at the end; as JSON it is the same.
        let (path, headers, body) = direct(&Value::Object(changed).to_string());
        let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        prop_assert_eq!((&path, parsed(&body)), (&attempt.0, parsed(&attempt.2)));
        let but_length = |headers: &Value| {
            let mut headers = headers.clone();
            headers.as_object_mut().unwrap().remove("content-length");
            headers
        };
        prop_assert_eq!(but_length(&headers), but_length(&attempt.1));
    }
    Ok(())
}

#[test]
fn any_graph_and_any_script_keep_the_laws() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(world in world())| holds(&runtime, &world)?);
}

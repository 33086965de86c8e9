//! A real Prometheus server scrapes a router of the built library.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fakeprovider::abi::{Call, Router};
use fleet::{Folder, wait_until};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// Loading its store may take a busy machine so long.
const START: Duration = Duration::from_secs(60);
const SCRAPED: Duration = Duration::from_secs(30);

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// The body of an answer; `None` if nobody answers well.
fn get(port: u16, target: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // HTTP/1.0, so that the answer comes in one piece.
    stream.write_all(format!("GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.lines().next()?.contains(" 200 ").then(|| body.to_owned())
}

/// A Prometheus that scrapes a port, four times a second.
struct Prometheus {
    port: u16,
    process: Child,
    _folder: Folder,
}

impl Prometheus {
    fn of(target: u16) -> Self {
        let (folder, port) = (Folder::new(), free_port());
        let config = format!(
            "global: {{scrape_interval: 250ms, scrape_timeout: 250ms}}\n\
             scrape_configs: [{{job_name: llmrouter, static_configs: [{{targets: [\"127.0.0.1:{target}\"]}}]}}]\n"
        );
        let config = folder.write("prometheus.yml", &config);
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.current_dir(folder.path()).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        // SAFETY: the function may be called between fork and exec.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let process = command.spawn().unwrap_or_else(|error| panic!("prometheus: {error}; `make setup` installs it"));
        let server = Self { port, process, _folder: folder };
        wait_until("prometheus", START, || get(port, "/-/ready").is_some());
        server
    }

    /// The samples that a query has; `None` if it is none that Prometheus takes.
    fn query(&self, query: &str) -> Option<Vec<Value>> {
        let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
        let answer: Value = serde_json::from_str(&get(self.port, &format!("/api/v1/query?query={query}"))?).ok()?;
        answer["data"]["result"].as_array().cloned()
    }

    /// The value of a query that has one sample; 0 if it has none.
    fn value(&self, query: &str) -> f64 {
        let samples = self.query(query).unwrap_or_else(|| panic!("Prometheus does not take {query}"));
        assert!(samples.len() <= 1, "{query}: {samples:?}");
        samples.first().map_or(0.0, |sample| sample["value"][1].as_str().unwrap().parse().unwrap())
    }

    fn wait_for(&self, query: &str, value: f64) {
        wait_until(&format!("{query} is {value}"), SCRAPED, || (self.value(query) - value).abs() < 1e-9);
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn router(port: u16) -> Router {
    let yaml = format!(
        r#"
model_list:
  - {{model_name: good, litellm_params: {{model: openai/gpt-4o-mini, mock_response: hi, rpm: 10000, tpm: 10000000}}, model_info: {{id: g}}}}
  - {{model_name: bad, litellm_params: {{model: openai/gpt-4o, mock_error: 503, api_base: "https://user:secret@bad.example/v1"}}, model_info: {{id: b}}}}
  - {{model_name: limited, litellm_params: {{model: openai/gpt-4o, mock_error: 429}}, model_info: {{id: l}}}}
  - {{model_name: limited, litellm_params: {{model: openai/gpt-4o, mock_error: 429}}, model_info: {{id: m}}}}
  - {{model_name: slow, litellm_params: {{model: openai/gpt-4o, mock_response: hi, mock_delay_ms: 60000}}, model_info: {{id: s}}}}
router_settings: {{num_retries: 0, cooldown_time: 600, fallbacks: [{{bad: [good]}}]}}
litellm_settings: {{cache: true, cache_params: {{type: local, mode: default_off}}, callbacks: [prometheus]}}
llmrouter_settings: {{metrics: {{listen: "127.0.0.1:{port}"}}}}
"#
    );
    Router::from_yaml(&yaml).unwrap()
}

fn request(model: &str, more: &str) -> String {
    format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}]{more}}}"#)
}

const GOOD: usize = 40;
const BAD: usize = 7;

fn traffic(router: &Router) {
    for number in 0..GOOD {
        router.completion(&request("good", &format!(r#","user":"user-{number}""#))).unwrap();
    }
    for _ in 0..BAD {
        router.completion(&request("bad", "")).unwrap();
        router.completion(&request("nobody-serves-this", "")).unwrap_err();
    }
    router.completion(&request("limited", "")).unwrap_err();
    for _ in 0..3 {
        router.completion(&request("good", r#","cache":{"use-cache":true}"#)).unwrap();
    }
    router.stream(&request("good", r#","stream":true"#), false).unwrap().rest().1.unwrap();
    let call = slow(router);
    router.cancel(&call);
    call.wait().unwrap_err();
}

/// A call that is under way, and stays so.
fn slow(router: &Router) -> Call {
    let call = router.completion_async(&request("slow", "")).unwrap();
    wait_until("the call is under way", SCRAPED, || router.snapshot()["groups"][3]["deployments"][0]["in_flight"] == 1);
    call
}

#[test]
fn prometheus_has_the_right_counts() {
    let port = free_port();
    let router = router(port);
    let server = Prometheus::of(port);
    server.wait_for("up", 1.0);
    server.wait_for("count(llmrouter_calls_total) or vector(0)", 0.0);
    traffic(&router);
    let running = slow(&router);

    #[allow(clippy::cast_precision_loss)]
    let (good, bad) = (GOOD as f64, BAD as f64);
    server.wait_for("sum(llmrouter_in_flight)", 1.0);
    let table = [
        (r#"sum(llmrouter_calls_total{requested_model="good",status="success"})"#, good + 3.0 + 1.0),
        (r#"sum(llmrouter_calls_total{requested_model="bad",model_group="good",status="success"})"#, bad),
        (r#"sum(llmrouter_calls_total{requested_model="unknown",exception_class="BadRequestError"})"#, bad),
        (r#"sum(llmrouter_calls_total{requested_model="slow",status="cancelled"})"#, 1.0),
        (r#"sum(litellm_deployment_success_responses_total{model_id="g"})"#, good + bad + 1.0 + 1.0),
        (
            r#"sum(litellm_deployment_failure_responses_total{model_id="b",exception_class="Openai.ServiceUnavailableError"})"#,
            bad,
        ),
        (r#"sum(litellm_deployment_failure_responses_total{exception_status="429"})"#, 1.0),
        (r#"sum(litellm_deployment_successful_fallbacks_total{requested_model="bad",fallback_model="good"})"#, bad),
        (r#"sum(litellm_deployment_cooled_down_total{exception_status="429"})"#, 1.0),
        ("sum(litellm_deployment_state == bool 2)", 1.0),
        (r#"count(llmrouter_cooldown_seconds_left > 500)"#, 1.0),
        ("sum(litellm_cache_hits_metric_total)", 2.0),
        ("sum(llmrouter_cache_hits_total)", 2.0),
        ("sum(litellm_cache_misses_metric_total)", 1.0),
        (r#"count(llmrouter_limit_remaining{model_id="g",kind="requests"} > 9000)"#, 1.0),
        ("sum(litellm_request_total_latency_metric_count)", good + bad + 3.0 + 1.0),
        (r#"sum(litellm_request_total_latency_metric_bucket{le="+Inf"})"#, good + bad + 3.0 + 1.0),
        ("sum(litellm_llm_api_time_to_first_token_metric_count)", 1.0),
        ("sum(llmrouter_time_to_first_token_seconds_count)", 1.0),
        ("sum(llmrouter_events_lost_total)", 0.0),
        ("count(count by (end_user) (litellm_input_tokens_metric_total))", 1.0),
        ("count(llmrouter_build_info)", 1.0),
    ];
    for (query, value) in table {
        server.wait_for(query, value);
    }
    // 10 and 20 tokens each, at the price of the list; what was kept cost nothing.
    let spent = server.value(r#"sum(litellm_spend_metric_total{model="gpt-4o-mini"})"#);
    let least = (good + bad + 1.0) * 1.35e-5;
    assert!(spent >= least && spent < least + 2e-5, "{spent} for {least}");
    assert!(server.value("histogram_quantile(0.99, sum by (le) (litellm_request_total_latency_metric_bucket))") > 0.0);

    let target = get(server.port, "/api/v1/targets").unwrap();
    assert!(target.contains(r#""health":"up""#) && target.contains(r#""lastError":"""#), "{target}");
    router.cancel(&running);
    running.wait().unwrap_err();
    server.wait_for("sum(llmrouter_in_flight)", 0.0);
    dashboard(&server);
    drop(router);
    server.wait_for("up", 0.0);
}

/// Each query of the dashboard is one that Prometheus takes; and those of what went on have something to show.
fn dashboard(server: &Prometheus) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/grafana/llmrouter.json");
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (mut shown, mut all) = (0, 0);
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().unwrap();
            let asked = query
                .replace("$__rate_interval", "1m")
                .replace("$__range", "1m")
                .replace("$job", ".*")
                .replace("$instance", ".*");
            let samples = server.query(&asked).unwrap_or_else(|| panic!("{}: {query}", panel["title"]));
            all += 1;
            shown += usize::from(!samples.is_empty());
        }
    }
    println!("{shown} of {all} queries have something to show");
    assert!(shown * 2 > all);
}

#[test]
fn promtool_finds_nothing() {
    let port = free_port();
    let router = router(port);
    traffic(&router);
    let text = get(port, "/metrics").unwrap();
    assert!(!text.contains("secret"), "{text}");
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = promtool.spawn().unwrap_or_else(|error| panic!("promtool: {error}; `make setup` installs it"));
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.is_empty(), "{said}");
}

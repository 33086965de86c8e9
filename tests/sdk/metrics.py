"""Has the metrics read by Prometheus' own Python parser. Usage: metrics.py"""

import sys

from prometheus_client.parser import text_string_to_metric_families

from library import Router

CONFIG = {
    "model_list": [
        {"model_name": "good", "litellm_params": {"model": "openai/gpt-4o-mini", "mock_response": "hi", "rpm": 100}},
        {"model_name": "bad", "litellm_params": {"model": "openai/gpt-4o", "mock_error": 503, "api_base": 'http://a"b\\c/v1'}},
    ],
    "router_settings": {"num_retries": 0, "fallbacks": [{"bad": ["good"]}], "model_group_alias": {'odd "name"\\\n': "good"}},
    "litellm_settings": {"callbacks": ["prometheus"]},
}
CALLS = 3


def main():
    router = Router(CONFIG)
    try:
        for model in ["good", "bad", 'odd "name"\\\n']:
            for _ in range(CALLS):
                router.completion({"model": model, "messages": [{"role": "user", "content": "hi"}]})
        families = {family.name: family for family in text_string_to_metric_families(router.metrics())}
    finally:
        router.close()
    calls = {
        (sample.labels["requested_model"], sample.labels["status"]): sample.value
        for sample in families["llmrouter_calls"].samples
    }
    odd = 'odd "name"\\ '
    wanted = {("good", "success"): CALLS, ("bad", "success"): CALLS, (odd, "success"): CALLS}
    checks = [
        ("the calls are those that were made", calls == wanted),
        ("a counter is one", families["litellm_deployment_total_requests"].type == "counter"),
        ("a histogram is one", families["litellm_request_total_latency_metric"].type == "histogram"),
        ("a gauge is one", families["llmrouter_in_flight"].type == "gauge"),
        ("each has a type and a text", all(one.documentation and one.type != "unknown" for one in families.values())),
    ]
    for name, well in checks:
        print(f"{'ok   ' if well else 'FAIL '} metrics: {name}" + ("" if well else f": {calls}"))
    print(f"\n{len(families)} metrics")
    return 0 if all(well for _, well in checks) else 1


if __name__ == "__main__":
    sys.exit(main())

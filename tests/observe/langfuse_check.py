"""The callback `langfuse`, judged by Langfuse's own types and by the attributes that its own client makes.
Usage: langfuse_check.py FAKEPROVIDER"""

import base64
import json
import sys
from datetime import datetime, timezone

from google.protobuf import json_format
from langfuse._client.attributes import LangfuseOtelSpanAttributes, create_generation_attributes
from langfuse.api.core.pydantic_utilities import parse_obj_as
from langfuse.api.opentelemetry.types import OtelResourceSpan
from library import Router, RouterError
from otlp_collector import Collector, Report, attributes, by_trace, laws
from provider import Provider

A = LangfuseOtelSpanAttributes
NAMES = {value for name, value in vars(A).items() if name.isupper()}
# Of LiteLLM's wire, and understood by the server.
NAMES |= {"langfuse.trace.input", "langfuse.trace.output"}
PREFIXES = (A.OBSERVATION_METADATA + ".", A.TRACE_METADATA + ".", "gen_ai.")
KINDS = {"generation", "span", "embedding"}
LEVELS = {"DEFAULT", "WARNING", "ERROR"}


def config(provider, collector, **litellm):
    def deployment(group, path, **params):
        place = {"model": "openai/gpt-4o-mini", "api_base": f"{provider.url}/{path}/v1", "api_key": "sk-lf-0123456789"}
        return {"model_name": group, "litellm_params": {**place, **params}, "model_info": {"id": path}}

    return {
        "model_list": [deployment("smart", "east"), deployment("bad", "broken"), deployment("worse", "dead")],
        "router_settings": {"num_retries": 0, "fallbacks": [{"bad": ["smart"]}], "cache_responses": True},
        "litellm_settings": {"success_callback": ["langfuse"], "failure_callback": ["langfuse"], **litellm},
        "environment_variables": {
            "LANGFUSE_HOST": collector.url,
            "LANGFUSE_PUBLIC_KEY": "pk-lf-1",
            "LANGFUSE_SECRET_KEY": "sk-lf-secret",
            "LANGFUSE_TRACING_ENVIRONMENT": "staging",
            "LANGFUSE_RELEASE": "r1",
        },
    }


def request(model, **members):
    return {"model": model, "messages": [{"role": "user", "content": "what is it?"}], **members}


def vendor(message):
    """The vendor's own types read it, with ids in the way that they have them in JSON."""
    told = json_format.MessageToDict(message, use_integers_for_enums=True)
    for resource in told["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in span:
                        span[name] = base64.b64decode(span[name]).hex()
        parse_obj_as(OtelResourceSpan, resource)


def observation(span):
    told = attributes(span)
    unknown = [name for name in told if name not in NAMES and not name.startswith(PREFIXES)]
    assert not unknown, f"unknown to Langfuse: {unknown}"
    assert told[A.OBSERVATION_TYPE] in KINDS
    assert told.get(A.OBSERVATION_LEVEL, "DEFAULT") in LEVELS
    assert (A.OBSERVATION_STATUS_MESSAGE in told) == (span.status.code == 2)
    assert told[A.ENVIRONMENT] == "staging" and told[A.RELEASE]


def as_its_client(span):
    """The same facts, made to attributes by Langfuse's own client."""
    told = attributes(span)
    read = lambda name: json.loads(told[name]) if name in told else None
    first = told.get(A.OBSERVATION_COMPLETION_START_TIME)
    own = create_generation_attributes(
        completion_start_time=datetime.fromisoformat(json.loads(first)) if first else None,
        level=told[A.OBSERVATION_LEVEL],
        status_message=told.get(A.OBSERVATION_STATUS_MESSAGE),
        version=told.get(A.VERSION),
        model=told[A.OBSERVATION_MODEL],
        model_parameters=read(A.OBSERVATION_MODEL_PARAMETERS),
        input=read(A.OBSERVATION_INPUT),
        output=told.get(A.OBSERVATION_OUTPUT),
        usage_details=read(A.OBSERVATION_USAGE_DETAILS),
        cost_details=read(A.OBSERVATION_COST_DETAILS),
        observation_type=told[A.OBSERVATION_TYPE],
    )
    for name, value in own.items():
        ours = told[name]
        assert type(ours) is type(value), f"{name}: {ours!r}, and not {value!r}"
        if name == A.OBSERVATION_COMPLETION_START_TIME:
            ours, value = (datetime.fromisoformat(json.loads(text).replace("Z", "+00:00")) for text in (ours, value))
            # Its client writes milliseconds.
            assert abs((ours - value).total_seconds()) < 0.001 and ours.tzinfo == timezone.utc
        elif name in (A.OBSERVATION_INPUT, A.OBSERVATION_MODEL_PARAMETERS, A.OBSERVATION_USAGE_DETAILS, A.OBSERVATION_COST_DETAILS):
            assert json.loads(ours) == json.loads(value), f"{name}: {ours}, and not {value}"
        else:
            assert ours == value, f"{name}: {ours}, and not {value}"
    return own


def fails(router, model):
    try:
        router.completion(request(model))
    except RouterError:
        return
    raise AssertionError("it did not fail")


def outcomes(report, provider):
    collector = Collector()
    router = Router(config(provider, collector, langfuse_default_tags=["cache_hit"]))
    provider.play({"/broken": [503], "/dead": [{"status": 503, "repeat": 9}]})
    named = {
        "trace_id": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "trace_name": "checkout", "session_id": "s1", "trace_user_id": "ann",
        "trace_metadata": {"plan": "pro"}, "tags": ["a"], "generation_name": "summary", "version": "7", "team": "blue",
    }
    router.completion(request("smart", temperature=0.5, stop=["x"], metadata=named))
    router.stream(request("smart", seed=1))
    router.completion(request("bad", seed=2))
    fails(router, "worse")
    router.completion(request("smart", seed=3))
    router.completion(request("smart", seed=3))
    router.close()
    for message in collector.messages():
        report.check("Langfuse's own types read it", vendor, message)
    calls = by_trace(collector.spans())
    report.check("each call is a trace", lambda: len(calls) == 6)
    for trace, spans in calls.items():
        report.check(f"{trace}: ids, parents and times", laws, spans)
        for span in spans:
            report.check(f"{trace}: observation {span.name!r}", observation, span)
            if attributes(span)[A.OBSERVATION_TYPE] == "generation":
                report.check(f"{trace}: as Langfuse's own client writes it", as_its_client, span)
    plain, stream, fallen, failed, missed, hit = calls.values()
    first = attributes(plain[0])
    report.check("one attempt is one generation", lambda: (len(plain), plain[0].name) == (1, "summary"))
    report.check(
        "the metadata names the trace",
        lambda: [first[name] for name in (A.TRACE_NAME, A.TRACE_SESSION_ID, A.TRACE_USER_ID, A.VERSION, A.TRACE_METADATA + ".plan")]
        == ["checkout", "s1", "ann", "7", "pro"] and plain[0].trace_id.hex() == named["trace_id"].replace("-", ""),
    )
    report.check("tags are a list", lambda: first[A.TRACE_TAGS] == ["a", "cache_hit:False"])
    report.check("the prompt is told", lambda: json.loads(first[A.OBSERVATION_INPUT])["messages"][0]["content"] == "what is it?")
    report.check("the answer is told", lambda: json.loads(first[A.OBSERVATION_OUTPUT])["content"] == "hello from east")
    report.check("a stream's answer is told", lambda: json.loads(attributes(stream[0])[A.OBSERVATION_OUTPUT])["content"] == "hello from east")
    report.check("a stream tells its first token", lambda: A.OBSERVATION_COMPLETION_START_TIME in attributes(stream[0]))
    report.check("a fallback is a span beside the generation", lambda: [attributes(span)[A.OBSERVATION_TYPE] for span in fallen] == ["span", "span", "generation"])
    report.check("what it failed with is told", lambda: attributes(fallen[1])[A.OBSERVATION_LEVEL] == "WARNING")
    report.check("a failed call is a generation with an error", lambda: attributes(failed[-1])[A.OBSERVATION_LEVEL] == "ERROR")
    report.check("what was kept is free", lambda: json.loads(attributes(hit[0])[A.OBSERVATION_COST_DETAILS]) == {"total": 0})
    report.check("and says so", lambda: attributes(hit[0])[A.OBSERVATION_METADATA + ".cache_hit"] is True)
    report.check("what was not is paid", lambda: json.loads(attributes(missed[0])[A.OBSERVATION_COST_DETAILS])["total"] > 0)
    path, headers, _ = collector.requests[0]
    report.check("the request is Langfuse's", lambda: (path, headers["content-type"]) == ("/api/public/otel/v1/traces", "application/x-protobuf"))
    basic = base64.b64encode(b"pk-lf-1:sk-lf-secret").decode()
    report.check(
        "its headers are Langfuse's",
        lambda: (headers["authorization"], headers["x-langfuse-ingestion-version"], headers["x-langfuse-public-key"]) == (f"Basic {basic}", "4", "pk-lf-1"),
    )
    bodies = b"".join(body for _, _, body in collector.requests)
    report.check("no key", lambda: b"sk-lf" not in bodies)
    wrong = collector.messages()[0]
    judge = lambda: parse_obj_as(OtelResourceSpan, {"scopeSpans": [{"spans": [{"name": ["no"], "kind": "x"}]}]})
    report.refused("a span of wrong types", judge)
    span = wrong.resource_spans[0].scope_spans[0].spans[0]
    next(pair for pair in span.attributes if pair.key == A.OBSERVATION_USAGE_DETAILS).value.int_value = 3
    report.refused("usage that is no JSON", as_its_client, span)
    span.attributes[0].key = "langfuse.observation.kind"
    report.refused("a name that Langfuse does not know", observation, span)
    collector.close()


def quiet(report, provider):
    collector = Collector()
    router = Router(config(provider, collector, turn_off_message_logging=True))
    provider.play({})
    router.completion(request("smart"))
    router.stream(request("smart", seed=1))
    router.close()
    bodies = b"".join(body for _, _, body in collector.requests)
    report.check("no message where that is turned off", lambda: bodies and b"what is it?" not in bodies and b"hello from" not in bodies)
    collector.close()


def main():
    report, provider = Report(), Provider(sys.argv[1])
    try:
        outcomes(report, provider)
        quiet(report, provider)
    finally:
        provider.close()
    report.end()


main()

"""The callback `otel`, judged by OpenTelemetry's own classes and lists of names. Usage: otlp_check.py FAKEPROVIDER"""

import inspect
import json
import sys
import time

from library import Router, RouterError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv.attributes import error_attributes, http_attributes, server_attributes, service_attributes
from opentelemetry.semconv._incubating.attributes import telemetry_attributes, user_attributes
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.genai import types as genai
from otlp_collector import Collector, Report, attributes, by_trace, laws
from provider import Provider

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
KNOWN = {
    value
    for module in (gen_ai_attributes, error_attributes, http_attributes, server_attributes, service_attributes,
                   telemetry_attributes, user_attributes)
    for name, value in vars(module).items()
    if name.isupper() and isinstance(value, str)
}
PROVIDERS = {value.value for value in gen_ai_attributes.GenAiProviderNameValues}
OPERATIONS = {value.value for value in gen_ai_attributes.GenAiOperationNameValues}
PARTS = {
    kind.__dataclass_fields__["type"].default: kind
    for _, kind in inspect.getmembers(genai, inspect.isclass)
    if "type" in getattr(kind, "__dataclass_fields__", {}) and isinstance(kind.__dataclass_fields__["type"].default, str)
}


def config(provider, collector, **llmrouter):
    def deployment(group, path, **params):
        place = {"model": "openai/gpt-4o-mini", "api_base": f"{provider.url}/{path}/v1", "api_key": "sk-otel-0123456789"}
        return {"model_name": group, "litellm_params": {**place, **params}, "model_info": {"id": path}}

    return {
        "model_list": [deployment("smart", "east"), deployment("bad", "broken"), deployment("worse", "dead")],
        "router_settings": {"num_retries": 0, "fallbacks": [{"bad": ["smart"]}]},
        "litellm_settings": {"callbacks": ["otel"]},
        "llmrouter_settings": llmrouter,
        "environment_variables": {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=shop%201",
            "OTEL_RESOURCE_ATTRIBUTES": "service.version=1.2,deployment.environment.name=test",
            "OTEL_SERVICE_NAME": "checkout",
        },
    }


def request(model, **members):
    return {"model": model, "messages": [{"role": "user", "content": "what is it?"}], **members}


def fails(router, model, **members):
    try:
        router.completion(request(model, **members))
    except RouterError:
        return
    raise AssertionError("it did not fail")


def names(span):
    unknown = [name for name in attributes(span) if not name.startswith("llmrouter.") and name not in KNOWN]
    assert not unknown, f"in no list of the conventions: {unknown}"


def inference(span):
    """What the conventions demand of a request to a model."""
    told = attributes(span)
    assert span.kind == Span.SPAN_KIND_CLIENT
    assert told["gen_ai.operation.name"] in OPERATIONS and told["gen_ai.provider.name"] in PROVIDERS
    assert span.name == f"{told['gen_ai.operation.name']} {told['gen_ai.request.model']}"
    assert isinstance(told["server.port"], int) and told["server.address"] == "127.0.0.1"
    failed = span.status.code == Status.STATUS_CODE_ERROR
    assert failed == ("error.type" in told), "a failure has a type"
    assert span.status.code != Status.STATUS_CODE_OK, "OK is the application's word"
    assert failed == bool(span.status.message)
    if not failed:
        assert isinstance(told["gen_ai.usage.input_tokens"], int) and isinstance(told["gen_ai.usage.output_tokens"], int)
        assert told["gen_ai.response.id"] and told["gen_ai.response.model"]


def messages(text, has_reasons):
    """Each part is one of the conventions', with its members and no others."""
    for message in json.loads(text):
        assert set(message) <= {"role", "parts", "name", "finish_reason"}
        assert ("finish_reason" in message) == has_reasons
        for part in message["parts"]:
            PARTS[part["type"]](**part)


def outcomes(report, provider):
    collector = Collector()
    router = Router(config(provider, collector))
    provider.play({"/broken": [503], "/dead": [{"status": 503, "repeat": 9}]})
    router.completion(request("smart", temperature=0.5, max_tokens=5, stop=["x"], seed=3, top_p=0.9, metadata={"session_id": "s1"}))
    router.stream(request("smart"))
    router.completion(request("bad", metadata={"traceparent": PARENT, "tracestate": "a=1"}))
    fails(router, "worse")
    router.completion(request("smart", metadata={"headers": {"traceparent": PARENT[:-1] + "0"}}))
    router.completion(request("smart", metadata={"trace_id": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}))
    router.close()
    calls = by_trace(collector.spans())
    report.check("each call is a trace, and the one that nobody records is none", lambda: len(calls) == 5)
    for trace, spans in calls.items():
        report.check(f"{trace}: ids, parents and times", laws, spans)
        for span in spans:
            report.check(f"{trace}: names of {span.name!r}", names, span)
            if attributes(span).get("llmrouter.attempt"):
                report.check(f"{trace}: attempt {span.name!r}", inference, span)
            else:
                report.check(f"{trace}: call {span.name!r}", lambda: span.kind == Span.SPAN_KIND_INTERNAL)
        told = [attributes(span) for span in spans]
        report.check(
            f"{trace}: attempts cost what the call does",
            lambda: sum(span.get("llmrouter.cost", 0) for span in told)
            == sum(span.get("llmrouter.call.cost", 0) for span in told),
        )
    plain, stream, fallen, failed, named = calls.values()
    report.check("a call has its attempt", lambda: len(plain) == 2)
    report.check("a stream tells its first chunk", lambda: attributes(stream[0])["gen_ai.response.time_to_first_chunk"] > 0)
    report.check("a fallback is an attempt more", lambda: [span.status.code for span in fallen] == [2, 0, 0])
    report.check("a failed call says so", lambda: [span.status.code for span in failed] == [2, 2])
    report.check("a trace has the name that it was given", lambda: named[0].trace_id.hex() == "f81d4fae7dec11d0a76500a0c91e6bf6")
    parent = get_current_span(TraceContextTextMapPropagator().extract({"traceparent": PARENT})).get_span_context()
    report.check(
        "the caller's span is the parent, as OpenTelemetry's own reader has it",
        lambda: (fallen[-1].parent_span_id.hex(), fallen[-1].trace_id.hex(), fallen[-1].trace_state)
        == (f"{parent.span_id:016x}", f"{parent.trace_id:032x}", "a=1"),
    )
    path, headers, body = collector.requests[0]
    report.check("the request is OTLP's", lambda: (path, headers["content-type"]) == ("/v1/traces", "application/x-protobuf"))
    report.check("its headers are the variable's", lambda: headers["x-tenant"] == "shop 1")
    resource = attributes(collector.messages()[0].resource_spans[0].resource)
    report.check(
        "the resource is the variables'",
        lambda: [resource[name] for name in ("service.name", "service.version", "deployment.environment.name", "telemetry.sdk.language")]
        == ["checkout", "1.2", "test", "rust"],
    )
    report.check("no content", lambda: b"what is it?" not in b"".join(body for _, _, body in collector.requests))
    report.check("no key", lambda: b"sk-otel" not in b"".join(body for _, _, body in collector.requests))
    broken = Span()
    broken.CopyFrom(plain[0])
    broken.attributes[0].key = "gen_ai.operation"
    report.refused("a name that is in no list", names, broken)
    report.refused("an attempt without an operation", inference, broken)
    report.refused("a span without its call", laws, [plain[0], fallen[0]])
    collector.close()


def content(report, provider):
    collector = Collector()
    router = Router(config(provider, collector, log_content=True))
    provider.play({})
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    turns = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "what is it?"}, picture, {"type": "image_url", "image_url": {"url": "https://x.test/y.png"}}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
    ]
    router.completion(request("smart", messages=turns))
    router.stream(request("smart", messages=turns))
    router.close()
    holders = [told for told in map(attributes, collector.spans()) if "gen_ai.input.messages" in told]
    report.check("content stands once in each call", lambda: len(holders) == 2)
    for holder in holders:
        report.check("what was asked", messages, holder["gen_ai.input.messages"], False)
        report.check("what was answered", messages, holder["gen_ai.output.messages"], True)
    report.refused("a part of no kind", messages, '[{"role":"user","parts":[{"type":"text","text":"x"}]}]', False)
    collector.close()


def deliveries(report, provider):
    partial = ExportTraceServiceResponse()
    partial.partial_success.rejected_spans = 1
    answers = [(503, {"retry-after": "0"}, b""), (429, {"retry-after": "1"}, b""), (200, {}, partial.SerializeToString())]
    collector = Collector(answers)
    router = Router(config(provider, collector))
    provider.play({})
    router.completion(request("smart"))
    until = time.monotonic() + 30
    while len(collector.requests) < 3 and time.monotonic() < until:
        time.sleep(0.05)
    router.close()
    bodies = {body for _, _, body in collector.requests}
    report.check("what may pass is sent again, and not more often", lambda: (len(collector.requests), len(bodies)) == (3, 1))
    collector.close()


def main():
    report, provider = Report(), Provider(sys.argv[1])
    try:
        outcomes(report, provider)
        content(report, provider)
        deliveries(report, provider)
    finally:
        provider.close()
    report.end()


main()

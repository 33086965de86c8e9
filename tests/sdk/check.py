"""Sends requests through the library and has both ends judged by the vendors' own types. Usage: check.py FAKEPROVIDER"""

import json
import sys

import judges
import streams
from cases import ANSWERS, ANTHROPIC, REQUESTS, said, text, user
from library import Router, RouterError
from provider import Provider

KEY = "sk-judged-0123456789"
WIRES = {
    "anthropic": ({"model": "anthropic/claude-sonnet-4-5"}, judges.anthropic_request, judges.anthropic_stream_request),
    "openai": ({"model": "openai/gpt-4o"}, judges.openai_request, judges.openai_stream_request),
    "azure": ({"model": "azure/gpt-4o", "api_version": "2024-10-21"}, judges.openai_request, judges.openai_stream_request),
}


class Report:
    def __init__(self):
        self.passed, self.failed = 0, 0

    def line(self, name, wrong):
        if wrong is None:
            self.passed += 1
            print(f"ok    {name}")
        else:
            self.failed += 1
            print(f"FAIL  {name}\n" + "\n".join("      " + line for line in wrong.splitlines()[:12]))

    def must_fail(self, name, wrong):
        """A judge that lets everything pass judges nothing."""
        self.line(f"refused: {name}", None if wrong else "the judge let it pass")


def exchange(report, router, provider, wire, name, members):
    name = f"{wire}: {name}"
    request = {"model": wire, "messages": [user("hi")], **members}
    try:
        body, _ = router.completion(request)
    except RouterError as error:
        report.line(f"{name}: answered", f"{error.details['type']}: {error}")
        return
    sent = provider.log()[-1]["body"]
    report.line(f"{name}: request", judges.complaint(WIRES[wire][1], sent))
    report.line(f"{name}: answer", judges.complaint(judges.openai_answer, body))


def exchanges(report, router, provider):
    for wire, (_, _, streamed) in WIRES.items():
        cases = REQUESTS + ANTHROPIC if wire == "anthropic" else [
            # OpenAI's own wire is not rebuilt: what only Anthropic knows passes through it, and is not judged there.
            (name, members) for name, members in REQUESTS if "cache" not in name
        ]
        for name, members in cases:
            provider.play({})
            exchange(report, router, provider, wire, name, members)
        streams.requests(report, router, provider, wire, streamed, cases)


def answers(report, router, provider):
    for name, message in ANSWERS:
        # The answers are ours; so they are judged, too.
        report.line(f"scripted: {name}", judges.complaint(judges.anthropic_answer, json.dumps(message)))
        provider.play({"/anthropic": [{"json": message}]})
        body, _ = router.completion({"model": "anthropic", "messages": [user("hi")]})
        report.line(f"answer: {name}", judges.complaint(judges.openai_answer, body))
        calls = json.loads(body)["choices"][0]["message"].get("tool_calls") or []
        for one in calls:
            json.loads(one["function"]["arguments"])


def judged(report):
    """What each judge must refuse, so that its silence means something."""
    request = {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": [text("hi")]}]}
    report.line("taken: the least request", judges.complaint(judges.anthropic_request, request))
    for name, changed in [
        ("no max_tokens", {"model": "m", "messages": []}),
        ("an unknown member", {**request, "stop": ["a"]}),
        ("an unknown member of a block", {**request, "messages": [user([{"type": "text", "text": "a", "detail": "low"}])]}),
        ("a turn of a tool", {**request, "messages": [{"role": "tool", "content": "x"}]}),
        ("OpenAI's tool", {**request, "tools": [{"type": "function", "function": {"name": "f"}}]}),
        ("a schema without a type", {**request, "tools": [{"name": "f", "input_schema": {}}]}),
        ("a number as text", {**request, "max_tokens": "1"}),
        ("image/jpg", {**request, "messages": [user([{"type": "image", "source": {"type": "base64", "media_type": "image/jpg", "data": ""}}])]}),
    ]:
        report.must_fail(name, judges.complaint(judges.anthropic_request, changed))
    chat = {"model": "m", "messages": [user("hi")]}
    report.line("taken: the least chat", judges.complaint(judges.openai_request, chat))
    report.must_fail("an unknown parameter", judges.complaint(judges.openai_request, {**chat, "max_output": 1}))
    report.must_fail("a message without content", judges.complaint(judges.openai_request, {**chat, "messages": [{"role": "user"}]}))
    report.must_fail("Anthropic's answer as a chat completion", judges.complaint(judges.openai_answer, json.dumps(said(text("a")))))
    choice = {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}
    whole = {"id": "i", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    report.line("taken: the least completion", judges.complaint(judges.openai_answer, json.dumps(whole)))
    for name, changed in [
        ("a stop reason of Anthropic's", {**whole, "choices": [{**choice, "finish_reason": "end_turn"}]}),
        ("a tier of Anthropic's", {**whole, "service_tier": "standard"}),
        ("created as text", {**whole, "created": "1"}),
        ("no choices", {**whole, "choices": []}),
        ("an unknown member", {**whole, "stop_reason": "end_turn"}),
        ("arguments as an object", {**whole, "choices": [{**choice, "message": {"role": "assistant", "content": None, "tool_calls": [{"id": "i", "type": "function", "function": {"name": "f", "arguments": {}}}]}}]}),
    ]:
        report.must_fail(name, judges.complaint(judges.openai_answer, json.dumps(changed)))


def main(program):
    report, provider = Report(), Provider(program)
    try:
        models = [
            {"model_name": wire, "litellm_params": {**params, "api_key": KEY, "api_base": f"{provider.url}/{wire}"}}
            for wire, (params, *_) in WIRES.items()
        ]
        router = Router({"model_list": models, "router_settings": {"num_retries": 0, "disable_cooldowns": True}})
        try:
            judged(report)
            streams.judged(report)
            exchanges(report, router, provider)
            answers(report, router, provider)
            streams.answers(report, router, provider)
        finally:
            router.close()
    finally:
        provider.close()
    print(f"\n{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

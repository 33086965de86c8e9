"""Asks llama.cpp's own Messages endpoint through the library, and has it stream on both wires. Usage: real.py API_BASE"""

import json
import sys

import clients
import judges
from cases import TOOLS, call, calling, result, user
from check import Report
from library import Router, RouterError

# Where tests/real/server.py gets the same key from.
KEY = "sk-local-test"
COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


def entry(name, base, key, wire="anthropic"):
    return {"model_name": name, "litellm_params": {"model": f"{wire}/tiny", "api_base": base, "api_key": key}}


def answered(report, router, name, members):
    try:
        body, metadata = router.completion({"model": "tiny", "max_tokens": 24, "messages": [user("tell me a story")], **members})
    except RouterError as error:
        report.line(name, f"{error.details['type']}: {error}")
        return
    report.line(f"{name}: shape", judges.complaint(judges.openai_answer, body))
    answer = json.loads(body)
    choice, usage = answer["choices"][0], answer["usage"]
    text = choice["message"]["content"]
    wrong = [
        what
        for what, holds in [
            ("a text", bool(text and text.strip())),
            ("an end", choice["finish_reason"] in ("stop", "length")),
            ("usage that adds up", 0 < usage["prompt_tokens"] == usage["total_tokens"] - usage["completion_tokens"]),
            ("a bounded answer", 0 < usage["completion_tokens"] <= 24),
            ("who answered", metadata["provider"] == "anthropic"),
        ]
        if not holds
    ]
    report.line(f"{name}: {text!r}", f"without {', '.join(wrong)}: {body}" if wrong else None)


def streamed(report, router, model, members):
    # The server ends a connection with each stream, without having said so: who asks at once may meet the end of the last one.
    asked = {"model": model, "max_tokens": 24, "temperature": 0, "num_retries": 2, "messages": [user("tell me a story")], **members}
    try:
        body, _ = router.completion(asked)
        chunks, metadata = router.stream({**asked, "stream_options": {"include_usage": True}})
    except RouterError as error:
        report.line(f"{model} in chunks", f"{error.details['type']}: {error}")
        return
    # OpenAI's wire passes on what this server adds of its own.
    judge = judges.openai_chunk if model == "tiny" else judges.openai_chunk_of_a_stranger
    complaints = (judges.complaint(judge, chunk) for chunk in chunks)
    report.line(f"{model}: {len(chunks)} chunks", next(filter(None, complaints), None))
    whole, gathered = json.loads(body), clients.openai_reads(chunks)
    said, read = whole["choices"][0], gathered["choices"][0]
    wrong = [
        what
        for what, holds in [
            ("the same text", said["message"]["content"] == read["message"]["content"] != ""),
            ("the same end", said["finish_reason"] == read["finish_reason"]),
            ("one role", read["message"]["role"] == "assistant"),
            ("the same usage", all(whole["usage"][name] == metadata["usage"][name] == gathered["usage"][name] > 0 for name in COUNTS)),
            ("usage of the server's own", "usage_estimated" not in metadata),
        ]
        if not holds
    ]
    report.line(f"{model} in chunks: {read['message']['content']!r}", f"without {', '.join(wrong)}: {body}\n{gathered}\n{metadata}" if wrong else None)


def refused(report, router, name, request, status, kind):
    try:
        router.completion(request)
    except RouterError as error:
        held = (error.details["status"], error.details["type"]) == (status, kind) and "sk-not" not in str(error.details)
        report.line(f"{name}: {error.details['type']}", None if held else str(error.details))
        return
    report.line(name, "was answered")


def main(base):
    report = Report()
    models = [entry("tiny", base, KEY), entry("tiny of OpenAI's wire", base, KEY, "openai"), entry("locked", base, "sk-not-this-one")]
    router = Router({"model_list": models, "router_settings": {"num_retries": 0}})
    try:
        answered(report, router, "a text", {"messages": [{"role": "system", "content": "be brief"}, user("tell me a story")]})
        answered(report, router, "a history of calls", {"tools": TOOLS, "messages": [user("hi"), calling(call("functions.weather:0")), result("functions.weather:0")]})
        answered(report, router, "a stop and a temperature", {"stop": ["zzz"], "temperature": 0, "top_p": 0.9, "user": "user-1"})
        long = {"model": "tiny", "messages": [user("home " * 6000)]}
        refused(report, router, "a prompt that is too long", long, 400, "ContextWindowExceededError")
        for model in ("tiny", "tiny of OpenAI's wire"):
            streamed(report, router, model, {})
            streamed(report, router, model, {"tools": TOOLS, "messages": [user("hi"), calling(call("call_0")), result("call_0")]})
        refused(report, router, "a refused key", {"model": "locked", "messages": [user("hi")]}, 401, "AuthenticationError")
    finally:
        router.close()
    print(f"\n{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

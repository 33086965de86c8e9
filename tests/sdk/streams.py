"""The same requests and answers in chunks: each chunk is judged, and what OpenAI's client gathers is the whole answer."""

import json

import clients
import judges
from cases import ANSWERS, COMPLETIONS, user
from events import anthropic_stream, openai_stream
from library import RouterError

WITH_USAGE = {"stream_options": {"include_usage": True}}
# The members of a message that a stream must bring like a whole answer.
MESSAGE = ("role", "content", "refusal", "reasoning_content", "thinking_blocks", "provider_specific_fields")


def told(completion):
    """What an answer tells, however it came. A text that is empty and none are one: a stream begins before it is known."""
    choices = []
    for choice in completion["choices"]:
        message = choice["message"]
        calls = [
            (call["id"], call["type"], call["function"]["name"], json.loads(call["function"]["arguments"]))
            for call in message.get("tool_calls") or []
        ]
        members = {name: message.get(name) or None for name in MESSAGE}
        choices.append({"index": choice["index"], "finish_reason": choice["finish_reason"], "calls": calls, **members})
    return {"choices": choices, **{name: completion[name] for name in ("id", "model", "usage")}}


def difference(streamed, whole):
    """How the two answers differ; None if they do not."""
    return None if streamed == whole else f"streamed {streamed}\nwhole    {whole}"


def compared(report, router, name, request):
    """Asks for an answer in both forms; the chunks as texts, or None."""
    try:
        body, _ = router.completion(request)
        chunks, metadata = router.stream({**request, **WITH_USAGE})
    except RouterError as error:
        report.line(f"{name}: streamed", f"{error.details['type']}: {error}")
        return None
    complaints = (judges.complaint(judges.openai_chunk, chunk) for chunk in chunks)
    report.line(f"{name}: {len(chunks)} chunks", next(filter(None, complaints), None))
    whole = json.loads(body)
    try:
        wrong = difference(told(clients.openai_reads(chunks)), told(whole))
    except (RuntimeError, TypeError, ValueError, KeyError) as error:
        wrong = f"OpenAI's client: {error!r}\n" + "\n".join(chunks)
    report.line(f"{name}: gathered", wrong)
    report.line(f"{name}: usage", difference(metadata.get("usage"), whole["usage"]))
    return chunks


def requests(report, router, provider, wire, judge, cases):
    for name, members in cases:
        name = f"{wire}: {name}"
        provider.play({})
        if compared(report, router, name, {"model": wire, "messages": [user("hi")], **members}) is not None:
            report.line(f"{name}: request for a stream", judges.complaint(judge, provider.log()[-1]["body"]))


def answers(report, router, provider):
    for name, message in ANSWERS:
        events = anthropic_stream(message)
        data = [event["text"].split("data: ")[1] for event in events]
        # The events are ours; so they are judged, too, and read by Anthropic's client.
        wrong = (judges.complaint(judges.anthropic_event, one) for one in data if json.loads(one)["type"] != "ping")
        report.line(f"scripted events: {name}", next(filter(None, wrong), None))
        read = clients.anthropic_reads(events)
        report.line(f"scripted events, gathered: {name}", difference(read["content"], message["content"]))
        provider.play({"/anthropic": [{"json": message}, {"chunks": events}]})
        compared(report, router, f"answer: {name}", {"model": "anthropic", "messages": [user("hi")]})
    for name, completion in COMPLETIONS:
        report.line(f"scripted: {name}", judges.complaint(judges.openai_answer, json.dumps(completion)))
        provider.play({"/openai": [{"json": completion}, {"chunks": openai_stream(completion)}]})
        compared(report, router, f"answer: {name}", {"model": "openai", "messages": [user("hi")]})


def judged(report):
    """What each judge must refuse, so that its silence means something."""
    choice = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    chunk = {"id": "i", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    report.line("taken: the least chunk", judges.complaint(judges.openai_chunk, json.dumps(chunk)))
    for name, changed in [
        ("a whole answer as a chunk", {**chunk, "object": "chat.completion"}),
        ("a chunk without choices", {name: value for name, value in chunk.items() if name != "choices"}),
        ("a stop reason of Anthropic's", {**chunk, "choices": [{**choice, "finish_reason": "end_turn"}]}),
        ("a call without an index", {**chunk, "choices": [{**choice, "delta": {"tool_calls": [{"id": "i"}]}}]}),
        ("an unknown member of a delta", {**chunk, "choices": [{**choice, "delta": {"text": "a"}}]}),
        ("an error as a chunk", {"error": {"message": "no"}}),
    ]:
        report.must_fail(name, judges.complaint(judges.openai_chunk, json.dumps(changed)))
    chat = {"model": "m", "messages": [user("hi")], "stream": True}
    report.line("taken: the least chat in chunks", judges.complaint(judges.openai_stream_request, {**chat, **WITH_USAGE}))
    report.must_fail("a stream without usage", judges.complaint(judges.openai_stream_request, chat))
    report.must_fail("a chat in chunks that is none", judges.complaint(judges.openai_stream_request, {**chat, **WITH_USAGE, "stream": False}))
    least = {"model": "m", "max_tokens": 1, "messages": [user("hi")]}
    report.must_fail("a message in events that is none", judges.complaint(judges.anthropic_stream_request, least))
    event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}
    report.line("taken: the least event", judges.complaint(judges.anthropic_event, json.dumps(event)))
    report.must_fail("a delta without a text", judges.complaint(judges.anthropic_event, json.dumps({**event, "delta": {"type": "text_delta"}})))
    one, other = ({"choices": [], "id": "i", "model": "m", "usage": count} for count in (None, {"total_tokens": 1}))
    report.must_fail("answers that differ", difference(told(one), told(other)))

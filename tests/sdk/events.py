"""Whole answers cut into what a provider streams of them: Anthropic's events, OpenAI's chunks."""

import json

# What a block begins with, and by which deltas the rest of it comes; other blocks come whole.
GROWING = {
    "text": [("text", "text_delta", "text")],
    "thinking": [("thinking", "thinking_delta", "thinking"), ("signature", "signature_delta", "signature")],
    "tool_use": [("input", "input_json_delta", "partial_json")],
    "server_tool_use": [("input", "input_json_delta", "partial_json")],
}


def halves(text):
    middle = len(text) // 2
    return [piece for piece in (text[:middle], text[middle:]) if piece]


def anthropic_events(message):
    """The events of a whole message, pings among them, as objects."""
    begun = {**message["usage"], "output_tokens": 1}
    yield {"type": "message_start", "message": {**message, "content": [], "stop_reason": None, "stop_sequence": None, "usage": begun}}
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        growing = GROWING.get(block["type"], [])
        empty = {name: {} if name == "input" else "" for name, _, _ in growing}
        yield {"type": "content_block_start", "index": index, "content_block": {**block, **empty}}
        for name, kind, member in growing:
            whole = json.dumps(block[name], separators=(",", ":")) if name == "input" else block[name]
            # A signature comes at once.
            for piece in [whole] if name == "signature" else halves(whole):
                yield {"type": "content_block_delta", "index": index, "delta": {"type": kind, member: piece}}
        yield {"type": "content_block_stop", "index": index}
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"]}
    yield {"type": "message_delta", "delta": ending, "usage": {"output_tokens": message["usage"]["output_tokens"]}}
    yield {"type": "message_stop"}


def openai_chunks(completion):
    """The chunks of a whole completion, as objects."""
    def chunk(choices, usage=None):
        head = {name: completion[name] for name in ("id", "created", "model")}
        return {**head, "object": "chat.completion.chunk", "choices": choices, "usage": usage}

    def grown(index, delta, reason=None):
        return chunk([{"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}])

    for choice in completion["choices"]:
        index, message = choice["index"], choice["message"]
        calls = message.get("tool_calls", [])
        yield grown(index, {"role": "assistant", "content": None if calls else "", "refusal": None})
        for name in ("reasoning_content", "content", "refusal"):
            for piece in halves(message.get(name) or ""):
                yield grown(index, {name: piece})
        for place, call in enumerate(calls):
            function = call["function"]
            yield grown(index, {"tool_calls": [{"index": place, **call, "function": {"name": function["name"], "arguments": ""}}]})
            for piece in halves(function["arguments"]):
                yield grown(index, {"tool_calls": [{"index": place, "function": {"arguments": piece}}]})
        yield grown(index, {}, choice["finish_reason"])
    yield chunk([], completion["usage"])


def anthropic_stream(message):
    return [{"text": f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"} for event in anthropic_events(message)]


def openai_stream(completion):
    return [*({"text": f"data: {json.dumps(chunk)}\n\n"} for chunk in openai_chunks(completion)), {"text": "data: [DONE]\n\n"}]

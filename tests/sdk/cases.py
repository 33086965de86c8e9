"""The requests: each goes to a provider through the library, and both sides of it are judged."""

PNG = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "data:application/pdf;base64,JVBERi0xLjQK"
EPHEMERAL = {"type": "ephemeral"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "tells the weather", "parameters": SCHEMA}},
    {"type": "function", "function": {"name": "now"}},
]
SHAPE = {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": SCHEMA}}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c2lnbmF0dXJl"}


def user(content):
    return {"role": "user", "content": content}


def call(id, arguments="{}", name="weather"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls, **members):
    return {"role": "assistant", "content": None, "tool_calls": list(calls), **members}


def result(id, content="sun", **members):
    return {"role": "tool", "tool_call_id": id, "content": content, **members}


def said(*blocks, stop="end_turn", **usage):
    """An answer of Anthropic's."""
    usage = {"input_tokens": 10, "output_tokens": 5, **usage}
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": list(blocks),
            "stop_reason": stop, "stop_sequence": None, "usage": usage}


def text(text):
    return {"type": "text", "text": text}


def use(id, input, name="weather"):
    return {"type": "tool_use", "id": id, "name": name, "input": input}


HISTORY = [user("weather in Rome and Oslo?"), calling(call("call_1", '{"city":"Rome"}'), call("call_2", '{"city":"Oslo"}'))]

# Name, what the request has beside model and messages; the fake's answers to Anthropic's wire follow where they matter.
REQUESTS = [
    ("a text", {}),
    ("system and developer", {"messages": [{"role": "system", "content": "be kind"}, {"role": "developer", "content": "be brief"}, user("hi")]}),
    ("cache_control", {"messages": [{"role": "system", "content": [{"type": "text", "text": "long", "cache_control": EPHEMERAL}]}, user([{"type": "text", "text": "hi", "cache_control": EPHEMERAL}])]}),
    ("turns in a row", {"messages": [user("one"), user("two"), {"role": "assistant", "content": "three"}, {"role": "assistant", "content": "four"}, user("five")]}),
    ("empty texts", {"messages": [user(""), {"role": "assistant", "content": ""}, user([text(" "), text("x")])]}),
    ("sampling and bounds", {"temperature": 0.2, "top_p": 0.9, "max_tokens": 7, "stop": "END"}),
    ("several stops", {"stop": ["A", "B"], "max_completion_tokens": 9}),
    ("a user", {"user": "user-1"}),
    ("an image in the request", {"messages": [user([text("what?"), {"type": "image_url", "image_url": {"url": PNG}}])]}),
    ("an image at an address", {"messages": [user([{"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}}])]}),
    ("a document", {"messages": [user([{"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}}, text("read it")])]}),
    ("tools", {"tools": TOOLS}),
    ("tools, cached", {"tools": [{**TOOLS[0], "cache_control": EPHEMERAL}]}),
    ("a strict tool", {"tools": [{"type": "function", "function": {"name": "f", "strict": True, "parameters": SCHEMA}}]}),
    ("any tool", {"tools": TOOLS, "tool_choice": "required"}),
    ("no tool", {"tools": TOOLS, "tool_choice": "none"}),
    ("one tool", {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "weather"}}}),
    ("tools one by one", {"tools": TOOLS, "tool_choice": "auto", "parallel_tool_calls": False}),
    ("parallel results", {"tools": TOOLS, "messages": [*HISTORY, result("call_1"), result("call_2", [text("rain")])]}),
    ("results behind a text", {"tools": TOOLS, "messages": [*HISTORY, user("quick"), result("call_2"), result("call_1")]}),
    ("a result of nothing", {"tools": TOOLS, "messages": [*HISTORY, result("call_1", ""), result("call_2")]}),
    ("ids of another provider", {"tools": TOOLS, "messages": [user("hi"), calling(call("functions.weather:0")), result("functions.weather:0")]}),
    ("effort", {"reasoning_effort": "low"}),
    ("effort and a bound", {"reasoning_effort": "high", "max_tokens": 50}),
    ("a shape", {"response_format": SHAPE}),
    ("JSON", {"response_format": {"type": "json_object"}}),
    ("plain text", {"response_format": {"type": "text"}}),
]

# What only Anthropic's wire has.
ANTHROPIC = [
    ("thinking blocks sent back", {"reasoning_effort": "low", "tools": TOOLS, "messages": [user("hi"), calling(call("toolu_1"), content="so", thinking_blocks=[THOUGHT, {"type": "redacted_thinking", "data": "eA=="}]), result("toolu_1")]}),
    ("a failed tool", {"tools": TOOLS, "messages": [user("hi"), calling(call("toolu_1")), result("toolu_1", "no", is_error=True, cache_control=EPHEMERAL)]}),
    ("an image as result", {"tools": TOOLS, "messages": [user("hi"), calling(call("toolu_1")), result("toolu_1", [{"type": "image_url", "image_url": {"url": PNG}}])]}),
    ("thinking itself", {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 3000}),
    ("top_k", {"top_k": 5}),
    ("a tool of Anthropic's", {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 2}]}),
]

# Answers of Anthropic's, which the library gives in OpenAI's shape.
ANSWERS = [
    ("two texts", said(text("a"), text("b"))),
    ("a call", said(use("toolu_1", {"city": "Rome"}), stop="tool_use")),
    ("a text and parallel calls", said(text("wait"), use("toolu_1", {"city": "Rome"}), use("toolu_2", {}, "now"), stop="tool_use")),
    ("a thought", said(THOUGHT, text("so"))),
    ("thoughts", said(THOUGHT, {"type": "redacted_thinking", "data": "eA=="}, text("so"))),
    ("thoughts between calls", said(THOUGHT, use("toolu_1", {"city": "Rome"}), THOUGHT, use("toolu_2", {}, "now"), stop="tool_use")),
    ("a cut text", said(text("a"), stop="max_tokens")),
    ("a stop sequence", {**said(text("a"), stop="stop_sequence"), "stop_sequence": "END"}),
    ("a refusal", said(stop="refusal")),
    ("a pause", said(text("a"), {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}, stop="pause_turn")),
    ("two searches", said(*({"type": "server_tool_use", "id": f"srvtoolu_{n}", "name": "web_search", "input": {"query": "x"}} for n in (1, 2)), text("a"))),
    ("a tier and a cache", said(text("a"), service_tier="standard", cache_read_input_tokens=7, cache_creation_input_tokens=3)),
    ("a shape", said(use("toolu_1", {"city": "Rome"}, "json_tool_call"), stop="tool_use")),
]


def completion(message, reason="stop", **usage):
    """An answer of OpenAI's."""
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "logprobs": None, "finish_reason": reason}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, **usage}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt", "choices": [choice], "usage": usage}


# Answers of OpenAI's, which the library gives on.
COMPLETIONS = [
    ("OpenAI's text", completion({"content": "grüße 😀"})),
    ("OpenAI's calls", completion({"tool_calls": [call("call_1", '{"city": "Rome"}'), call("call_2", "{}", "now")]}, "tool_calls")),
    ("OpenAI's text and call", completion({"content": "wait", "tool_calls": [call("call_1")]}, "tool_calls")),
    ("OpenAI's cut text", completion({"content": "a"}, "length")),
    ("OpenAI's refusal", completion({"refusal": "I can't"})),
    ("a compatible server's thoughts", completion({"reasoning_content": "hm, so", "content": "four"})),
    ("details of usage", completion({"content": "a"}, prompt_tokens_details={"cached_tokens": 7}, completion_tokens_details={"reasoning_tokens": 3})),
]

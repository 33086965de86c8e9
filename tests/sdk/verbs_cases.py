"""The requests beside chat: each is sent by the library and by the vendor's own client."""

import base64

WAV = b"RIFF\x00\xff\r\n--not-a-boundary\r\n"
PNG = b"\x89PNG\r\n\x1a\n\x00"
TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}, "required": [], "additionalProperties": False}, "strict": True}
TURNS = [
    {"role": "developer", "content": "be brief"},
    {"role": "user", "content": [{"type": "input_text", "text": "what is it?"}, {"type": "input_image", "image_url": "https://example.org/a.png", "detail": "auto"}]},
]


class File:
    """Base64 to the library, bytes to the client."""

    def __init__(self, name, data, kind):
        self.name, self.data, self.kind = name, data, kind

    def for_library(self):
        return {"filename": self.name, "content_type": self.kind, "data": base64.b64encode(self.data).decode()}

    def for_client(self):
        return (self.name, self.data, self.kind)


SOUND = File("a.wav", WAV, "audio/wav")
IMAGE = File("a.png", PNG, "image/png")

# Path, name, members beside the model.
REQUESTS = [
    ("/embeddings", "a text", {"input": "hi", "encoding_format": "float"}),
    ("/embeddings", "texts", {"input": ["a", "é\n"], "encoding_format": "float", "dimensions": 3, "user": "u"}),
    ("/embeddings", "tokens", {"input": [1, 2, 3], "encoding_format": "float"}),
    ("/completions", "a prompt", {"prompt": "once upon"}),
    ("/completions", "bounds", {"prompt": ["a"], "max_tokens": 5, "temperature": 0.5, "stop": ["\n"], "echo": True, "suffix": "end", "seed": 7}),
    ("/responses", "a text", {"input": "hi"}),
    ("/responses", "turns and tools", {"input": TURNS, "tools": [TOOL], "tool_choice": "auto", "temperature": 0.2, "max_output_tokens": 50, "parallel_tool_calls": False}),
    ("/responses", "what is kept", {"input": "hi", "store": True, "metadata": {"trace": "a"}, "instructions": "be kind", "previous_response_id": "resp_1"}),
    ("/responses", "a shape", {"input": "hi", "text": {"format": {"type": "json_object"}}, "reasoning": {"effort": "low"}}),
    ("/moderations", "a text", {"input": "hi"}),
    ("/moderations", "texts", {"input": ["a", "b"]}),
    ("/moderations", "an image", {"input": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}),
    ("/images/generations", "a prompt", {"prompt": "a cat"}),
    ("/images/generations", "several", {"prompt": "a cat", "n": 2, "size": "1024x1024", "quality": "high", "response_format": "b64_json"}),
    ("/images/edits", "one image", {"image": IMAGE, "prompt": "a hat"}),
    ("/images/edits", "images and a mask", {"image": [IMAGE, File("b.png", PNG, "image/png")], "mask": IMAGE, "prompt": "a hat", "n": 2}),
    ("/images/variations", "an image", {"image": IMAGE, "n": 1}),
    ("/audio/speech", "a text", {"input": "hi", "voice": "alloy"}),
    ("/audio/speech", "a kind", {"input": "hi", "voice": "alloy", "response_format": "wav", "speed": 1.5, "instructions": "slowly"}),
    ("/audio/transcriptions", "a file", {"file": SOUND}),
    ("/audio/transcriptions", "a plain text", {"file": SOUND, "response_format": "text", "language": "en", "temperature": 0.5}),
    ("/audio/transcriptions", "words", {"file": SOUND, "response_format": "verbose_json", "timestamp_granularities": ["word", "segment"], "prompt": "line\r\nline"}),
    ("/audio/transcriptions", "pieces", {"file": SOUND, "chunking_strategy": {"type": "server_vad", "threshold": 0.5}, "include": ["logprobs"]}),
    ("/audio/translations", "a file", {"file": SOUND, "prompt": "p"}),
]

# What comes in chunks. The library asks for the usage of completions by itself, so the client is told to.
STREAMS = [
    ("/completions", {"prompt": "once upon"}, {"stream_options": {"include_usage": True}}),
    ("/responses", {"input": "hi", "store": False}, {}),
]


def for_library(value):
    return each(value, File.for_library)


def for_client(value):
    return each(value, File.for_client)


def each(value, change):
    if isinstance(value, File):
        return change(value)
    if isinstance(value, list):
        return [each(item, change) for item in value]
    if isinstance(value, dict):
        return {name: each(item, change) for name, item in value.items()}
    return value

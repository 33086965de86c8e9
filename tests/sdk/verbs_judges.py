"""OpenAI's types as judges of the answers beside chat."""

import json
import typing

from openai.types import Completion, CreateEmbeddingResponse, ImagesResponse, ModerationCreateResponse
from openai.types.audio import Transcription, TranscriptionVerbose, Translation
from openai.types.responses import Response, ResponseStreamEvent
from judges import extras

ANSWERS = {
    "/embeddings": CreateEmbeddingResponse,
    "/completions": Completion,
    "/responses": Response,
    "/moderations": ModerationCreateResponse,
    "/images/generations": ImagesResponse,
    "/images/edits": ImagesResponse,
    "/images/variations": ImagesResponse,
    "/audio/transcriptions": Transcription,
    "/audio/translations": Translation,
}
EVENTS = {typing.get_args(event.model_fields["type"].annotation)[0]: event for event in typing.get_args(typing.get_args(ResponseStreamEvent)[0])}
# OpenAI itself sends it, and its types lack it.
BEYOND = {"task"}


def answer(path, text, verbose=False):
    judge = TranscriptionVerbose if verbose else ANSWERS[path]
    known(judge.model_validate_json(text, strict=True))


def chunk(path, text):
    known(event(text) if path == "/responses" else completion_chunk(text))


def event(text):
    kind = json.loads(text).get("type")
    if kind not in EVENTS:
        raise ValueError(f"no event of OpenAI's: {kind}")
    return EVENTS[kind].model_validate_json(text, strict=True)


def completion_chunk(text):
    """The type is that of a whole completion, which always has a reason; a chunk has one at its end alone."""
    chunk = json.loads(text)
    for choice in chunk["choices"]:
        choice["finish_reason"] = choice["finish_reason"] or "stop"
    return Completion.model_validate_json(json.dumps(chunk), strict=True)


def known(model):
    strange = sorted(set(extras(model)) - BEYOND)
    if strange:
        raise ValueError(f"members that OpenAI's types do not have: {strange}")


def events(texts):
    """What the order of a response's events must be; the text they say together."""
    kinds, said = [], ""
    for number, text in enumerate(texts):
        one = event(text)
        if one.sequence_number != number:
            raise ValueError(f"event {number} says that it is number {one.sequence_number}")
        kinds.append(one.type)
        said += one.delta if one.type == "response.output_text.delta" else ""
    if (kinds[0], kinds[-1]) != ("response.created", "response.completed"):
        raise ValueError(f"from {kinds[0]} to {kinds[-1]}")
    if one.response.output_text != said:
        raise ValueError(f"{said!r} came, and {one.response.output_text!r} is said to have come")

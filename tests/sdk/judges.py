"""The vendors' own types as judges: what they refuse, the vendors' clients would not send or could not read."""

import collections.abc
import functools
import typing

import anthropic.types
import openai.types.chat
from openai.types.chat import completion_create_params
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from typing_extensions import get_type_hints, is_typeddict

# OpenAI's shape has no place for these; they are LiteLLM's names.
BEYOND_OPENAI = {
    "reasoning_content", "thinking_blocks", "provider_specific_fields",
    "cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation_tokens", "service_tier",
}


def complaint(judge, value):
    """What the judge has against the value; None if nothing."""
    try:
        judge(value)
    except (ValidationError, ValueError) as error:
        return str(error)
    return None


def anthropic_request(body):
    adapter(anthropic.types.message_create_params.MessageCreateParamsNonStreaming).validate_python(body)


def openai_request(body):
    adapter(completion_create_params.CompletionCreateParamsNonStreaming).validate_python(body)


def anthropic_stream_request(body):
    adapter(anthropic.types.message_create_params.MessageCreateParamsStreaming).validate_python(body)


def openai_stream_request(body):
    """A request whose answer comes in chunks, and which asks for the usage: without it nobody could tell what was used."""
    adapter(completion_create_params.CompletionCreateParamsStreaming).validate_python(body)
    if body.get("stream_options") != {"include_usage": True}:
        raise ValueError(f"stream_options: {body.get('stream_options')}")


def anthropic_answer(text):
    anthropic.types.Message.model_validate_json(text, strict=True)


def anthropic_event(text):
    TypeAdapter(anthropic.types.RawMessageStreamEvent).validate_json(text, strict=True)


def openai_answer(text):
    """A chat completion by type, and no member that neither OpenAI nor LiteLLM has."""
    completion = openai.types.chat.ChatCompletion.model_validate_json(text, strict=True)
    no_strangers(completion)
    if not completion.choices:
        raise ValueError("no choices")


def openai_chunk(text):
    """A chunk by type, and no member that neither OpenAI nor LiteLLM has."""
    no_strangers(openai_chunk_of_a_stranger(text))


def openai_chunk_of_a_stranger(text):
    """A chunk by type, of a server that has members of its own."""
    return openai.types.chat.ChatCompletionChunk.model_validate_json(text, strict=True)


def no_strangers(answer):
    strange = sorted(set(extras(answer)) - BEYOND_OPENAI)
    if strange:
        raise ValueError(f"members that OpenAI's types do not have: {strange}")


def extras(model):
    """Names of unknown members, anywhere in it."""
    yield from (model.model_extra or {})
    for name in type(model).model_fields:
        values = getattr(model, name)
        for value in values if isinstance(values, list) else [values]:
            if hasattr(value, "model_extra"):
                yield from extras(value)


@functools.cache
def adapter(params):
    """Refuses unknown members and looks into lists, which Iterable would leave unread."""
    make_strict(params, set())
    return TypeAdapter(params)


def make_strict(params, seen):
    if params in seen:
        return
    seen.add(params)
    if not hasattr(params, "__pydantic_config__"):
        params.__pydantic_config__ = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)
    hints = get_type_hints(params, include_extras=True)
    params.__annotations__ = {name: strict(hint, seen) for name, hint in hints.items()}


def strict(hint, seen):
    if is_typeddict(hint):
        make_strict(hint, seen)
        return hint
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal or not arguments:
        return hint
    if origin is typing.Annotated:
        return typing.Annotated[(strict(arguments[0], seen), *hint.__metadata__)]
    if origin is typing.Union:
        arguments = tuple(argument for argument in arguments if not is_lenient(argument, arguments))
    arguments = tuple(strict(argument, seen) for argument in arguments)
    listed = origin is collections.abc.Iterable or getattr(origin, "__name__", "") == "SequenceNotStr"
    if listed:
        return list[arguments]
    if origin is typing.Union:
        return typing.Union[arguments]
    return hint.copy_with(arguments) if hasattr(hint, "copy_with") else origin[arguments]


def is_lenient(argument, alternatives):
    """Takes what a stricter alternative refuses: a class of an answer has room for all, and so has a bare mapping."""
    if typing.get_origin(argument) is typing.Annotated:
        return all(isinstance(one, type) and issubclass(one, BaseModel) for one in typing.get_args(typing.get_args(argument)[0]))
    bare = typing.get_origin(argument) is dict and any(is_typeddict(other) for other in alternatives)
    return bare or (isinstance(argument, type) and issubclass(argument, BaseModel))

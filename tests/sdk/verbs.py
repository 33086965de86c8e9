"""What the library sends beside chat, against what OpenAI's own client sends; what it answers, judged by OpenAI's types.
Usage: verbs.py FAKEPROVIDER"""

import json
import sys
import warnings

import openai
import verbs_judges as judges
from check import KEY, Report
from judges import complaint
from library import RouterError
from provider import Provider
from verbs_cases import REQUESTS, STREAMS, for_client, for_library
from verbs_library import VerbRouter

DATED = "2025-03-01-preview"
# Azure has none of these.
NOT_AZURES = ("/moderations", "/images/variations")
CALLS = {
    "/embeddings": lambda client: client.embeddings.create,
    "/completions": lambda client: client.completions.create,
    "/responses": lambda client: client.responses.create,
    "/moderations": lambda client: client.moderations.create,
    "/images/generations": lambda client: client.images.generate,
    "/images/edits": lambda client: client.images.edit,
    "/images/variations": lambda client: client.images.create_variation,
    "/audio/speech": lambda client: client.audio.speech.create,
    "/audio/transcriptions": lambda client: client.audio.transcriptions.create,
    "/audio/translations": lambda client: client.audio.translations.create,
}


def places(base):
    """Name, the client of the vendor, and the deployment of the same place."""
    own = {"api_key": KEY, "max_retries": 0}
    yield "openai", openai.OpenAI(base_url=f"{base}/openai/v1", **own), {"model": "openai/some-model", "api_base": f"{base}/openai/v1"}
    azure = openai.AzureOpenAI(azure_endpoint=f"{base}/azure", api_version=DATED, **own)
    yield "azure", azure, {"model": "azure/some-model", "api_base": f"{base}/azure", "api_version": DATED}
    undated = openai.OpenAI(base_url=f"{base}/undated/openai/v1", **own)
    yield "azure without dates", undated, {"model": "azure/some-model", "api_base": f"{base}/undated", "api_version": "v1"}


# How OpenAI's client asks Azure without dates.
HEADERS = {"azure without dates": {"extra_headers": {"api-key": KEY, "Authorization": openai.Omit()}}}


def seen(provider):
    """What of the last request must be equal; the order of a form's parts says nothing."""
    entry = provider.log()[-1]
    headers = entry["headers"]
    kind = headers["content-type"].split(";")[0]
    body = entry["body"]
    if kind == "multipart/form-data":
        body = sorted(body, key=lambda part: json.dumps(part, sort_keys=True))
    credentials = {name: headers.get(name) for name in ("authorization", "api-key")}
    return {"method": entry["method"], "path": entry["path"], "query": entry["query"], "kind": kind, "body": body, **credentials}


def difference(ours, theirs):
    wrong = [f"{name}: ours {ours[name]!r}\n{' ' * len(name)}  theirs {theirs[name]!r}" for name in ours if ours[name] != theirs[name]]
    return "\n".join(wrong) or None


def exchange(report, router, provider, place, client, path, name, members):
    label = f"{place}: {path}: {name}"
    provider.play({})
    try:
        body, metadata = router.request(path, {"model": place, **for_library(members)})
    except RouterError as error:
        report.line(f"{label}: answered", f"{error.details['type']}: {error}")
        return
    ours = seen(provider)
    theirs_answer = CALLS[path](client)(model="some-model", **for_client(members), **HEADERS.get(place, {}))
    report.line(f"{label}: request", difference(ours, seen(provider)))
    kind = metadata.get("content_type")
    if path == "/audio/speech":
        same = body == theirs_answer.read() and kind.startswith("audio/")
        report.line(f"{label}: answer", None if same else f"{kind}: {body!r}")
    elif kind:
        report.line(f"{label}: answer", None if body.decode() == theirs_answer else body.decode())
    else:
        verbose = members.get("response_format") == "verbose_json"
        report.line(f"{label}: answer", complaint(lambda text: judges.answer(path, text, verbose), body))


def streams(report, router, provider, place, client):
    for path, members, more in STREAMS:
        provider.play({})
        chunks = router.stream(path, {"model": place, **members})
        ours = seen(provider)
        list(CALLS[path](client)(model="some-model", stream=True, **members, **more, **HEADERS.get(place, {})))
        report.line(f"{place}: stream of {path}: request", difference(ours, seen(provider)))
        judge_chunks(report, f"{place}: stream of {path}", path, chunks)


def judge_chunks(report, label, path, chunks):
    complaints = [complaint(lambda text: judges.chunk(path, text), chunk) for chunk in chunks]
    wrong = next((f"{text}\n{chunk}" for text, chunk in zip(complaints, chunks) if text), None)
    report.line(f"{label}: {len(chunks)} chunks", wrong)
    if path == "/responses":
        report.line(f"{label}: events", complaint(judges.events, chunks))


def mocks(report, router):
    """The library's own answers."""
    for path, name, members in REQUESTS:
        if path == "/audio/speech" or members.get("response_format") in ("text", "verbose_json"):
            continue
        body, _ = router.request(path, {"model": "mock", **for_library(members)})
        report.line(f"mock: {path}: {name}", complaint(lambda text: judges.answer(path, text), body))
    for path, members, _ in STREAMS:
        judge_chunks(report, f"mock: stream of {path}", path, router.stream(path, {"model": "mock", **members}))


def judged(report):
    """What each judge must refuse, so that its silence means something."""
    whole = {"object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 1, "total_tokens": 1}}
    report.line("taken: the least embedding", complaint(lambda text: judges.answer("/embeddings", text), json.dumps(whole)))
    for path, name, changed in [
        ("/embeddings", "no usage", {**whole, "usage": None}),
        ("/embeddings", "a vector of texts", {**whole, "data": [{"object": "embedding", "index": 0, "embedding": ["a"]}]}),
        ("/embeddings", "an unknown member", {**whole, "more": 1}),
        ("/responses", "an embedding as a response", whole),
        ("/completions", "an embedding as a completion", whole),
        ("/moderations", "no categories", {"id": "i", "model": "m", "results": [{"flagged": False}]}),
        ("/images/generations", "no time", {"data": []}),
        ("/audio/transcriptions", "no text", {"task": "transcribe"}),
    ]:
        report.must_fail(name, complaint(lambda text: judges.answer(path, text), json.dumps(changed)))
    delta = {"type": "response.output_text.delta", "delta": "a"}
    report.must_fail("an event without its place", complaint(lambda text: judges.chunk("/responses", text), json.dumps(delta)))
    report.must_fail("a request at another path", difference({"path": "/a"}, {"path": "/b"}))


def main(program):
    report, provider = Report(), Provider(program)
    try:
        all_places = list(places(provider.url))
        models = [{"model_name": name, "litellm_params": {**params, "api_key": KEY}} for name, _, params in all_places]
        models.append({"model_name": "mock", "litellm_params": {"model": "openai/some-model", "mock_response": "hello there"}})
        router = VerbRouter({"model_list": models, "router_settings": {"num_retries": 0, "disable_cooldowns": True}})
        try:
            judged(report)
            for place, client, _ in all_places:
                for path, name, members in REQUESTS:
                    if place == "openai" or path not in NOT_AZURES:
                        exchange(report, router, provider, place, client, path, name, members)
                streams(report, router, provider, place, client)
            mocks(report, router)
        finally:
            router.close()
    finally:
        provider.close()
    print(f"\n{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    # Variations of images are on their way out, and are asked for all the same.
    warnings.simplefilter("ignore", DeprecationWarning)
    sys.exit(main(sys.argv[1]))

"""Makes calls fail in many ways and has Sentry's own code judge what Sentry is sent. Usage: sentry.py FAKEPROVIDER"""

import json
import sys

from library import Router, RouterError
from provider import Provider
from sentry_relay.processing import StoreNormalizer
from sentry_sdk.envelope import Envelope

PROMPT = "what nobody else is to read"
STATUSES = [400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503, 529]
LONG = "group-" + "g" * 300
ODD = 'ein "Name"\nüber zwei Zeilen \u2603'


def config(authority, pii):
    def deployment(group, **more):
        return {"model_name": group, "litellm_params": {"model": "openai/gpt-4o", "api_key": "sk-judged-0123456789", **more}}

    groups = [deployment(f"answers-{status}", mock_error=status) for status in STATUSES]
    groups += [deployment("refuses", api_base="http://127.0.0.1:1/v1"), deployment("first", mock_error=503)]
    groups += [deployment(LONG, mock_error=500), deployment(ODD, mock_error=500)]
    return {
        "model_list": groups,
        "router_settings": {"num_retries": 1, "retry_after": 0, "disable_cooldowns": True, "fallbacks": [{"first": ["answers-429"]}]},
        "litellm_settings": {"failure_callback": ["sentry"]},
        "environment_variables": {
            "SENTRY_DSN": f"http://public:secret@{authority}/7",
            "SENTRY_RELEASE": "llm-app@1.2.3",
            "SENTRY_ENVIRONMENT": "tests",
            "SENTRY_SEND_DEFAULT_PII": "true" if pii else "false",
        },
    }


def normalized(event):
    """What the server makes of an event, and what it has against it."""
    taken = StoreNormalizer(project_id=7, protocol_version="7", enable_trimming=True).normalize_event(event)
    return taken, taken.get("errors") or []


def judged(raw):
    """The event of an envelope; raises what is wrong with it."""
    envelope = Envelope.deserialize(raw)
    if [item.type for item in envelope.items] != ["event"]:
        raise ValueError(f"an envelope of {[item.type for item in envelope.items]}")
    event = envelope.get_event()
    if envelope.headers["event_id"] != event["event_id"]:
        raise ValueError("the envelope speaks of another event")
    taken, errors = normalized(json.loads(json.dumps(event)))
    if errors:
        raise ValueError(f"the server finds {errors}")
    for name in ["fingerprint", "level", "environment", "release", "logger"]:
        if taken.get(name) != event.get(name):
            raise ValueError(f"of {name} {event.get(name)!r} the server takes {taken.get(name)!r}")
    # The server makes a tag of the machine's name.
    tags = {name: value for name, value in taken["tags"] if name != "server_name"}
    if tags != event["tags"]:
        raise ValueError(f"of the tags {event['tags']} the server takes {tags}")
    # Of a call that asked nobody there are none, and the server takes that as nothing.
    crumbs, taken_crumbs = event["breadcrumbs"]["values"], (taken.get("breadcrumbs") or {}).get("values", [])
    if [crumb["message"] for crumb in crumbs] != [crumb["message"] for crumb in taken_crumbs]:
        raise ValueError("the server takes other breadcrumbs")
    return event


def main():
    collector = Provider([sys.argv[1], "--collector"])
    requests = [{"model": f"answers-{status}"} for status in STATUSES]
    requests += [{"model": model} for model in ["refuses", "first", LONG, ODD, "nobody", "bad\u0000name"]]
    passed = 0
    try:
        for pii in [False, True]:
            collector.play({"/": [{"json": {}}]})
            router = Router(config(collector.url.split("//")[1], pii))
            for request in requests:
                messages = [{"role": "user", "content": PROMPT}]
                for ask in [router.completion, router.stream]:
                    try:
                        ask({**request, "messages": messages, "user": "u-7"})
                        raise SystemExit(f"FAIL  {request} was answered")
                    except RouterError:
                        pass
            router.close()
            entries = collector.log()
            if len(entries) != 2 * len(requests):
                raise SystemExit(f"FAIL  {len(entries)} envelopes for {2 * len(requests)} failures")
            for entry in entries:
                if PROMPT in entry["raw"] or "secret" in entry["raw"] or "sk-judged" in entry["raw"]:
                    raise SystemExit(f"FAIL  something secret is in {entry['raw']}")
                event = judged(entry["raw"].encode())
                if ("user" in event, "server_name" in event) != (pii, pii):
                    raise SystemExit(f"FAIL  who the user is is told: {pii} was wished")
                passed += 1
        # A judge that lets everything pass judges nothing.
        broken = {"event_id": "x", "level": "loud", "timestamp": "soon", "exception": {"values": [{"type": 1, "value": []}]}}
        if not normalized(broken)[1]:
            raise SystemExit("FAIL  the judge let nonsense pass")
    finally:
        collector.close()
    print(f"{passed} envelopes are as Sentry wants them")


main()

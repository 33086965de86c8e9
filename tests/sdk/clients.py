"""The vendors' own clients, reading streams that are handed to them: their decoders and what they gather from chunks."""

import anthropic
import httpx
import httpx2
import openai

MESSAGES = [{"role": "user", "content": "hi"}]


def answered(http, text):
    """A transport of the given HTTP library that answers everything with this event stream."""
    headers = {"content-type": "text/event-stream"}
    return http.MockTransport(lambda _: http.Response(200, headers=headers, content=text.encode()))


def openai_reads(chunks):
    """What OpenAI's client gathers from chunks, as the members of a whole completion."""
    text = "".join(f"data: {chunk}\n\n" for chunk in [*chunks, "[DONE]"])
    http = openai.DefaultHttpxClient(transport=answered(httpx2, text))
    client = openai.OpenAI(api_key="none", base_url="http://127.0.0.1/v1", http_client=http, max_retries=0)
    with client.chat.completions.stream(model="m", messages=MESSAGES) as stream:
        # The final completion would raise where the answer was cut or filtered.
        return stream.until_done().current_completion_snapshot.to_dict()


def anthropic_reads(events):
    """What Anthropic's client gathers from events, as the members of a whole message."""
    http = anthropic.DefaultHttpxClient(transport=answered(httpx, "".join(event["text"] for event in events)))
    client = anthropic.Anthropic(api_key="none", base_url="http://127.0.0.1", http_client=http, max_retries=0)
    with client.messages.stream(model="m", max_tokens=1, messages=MESSAGES) as stream:
        return stream.get_final_message().to_dict()

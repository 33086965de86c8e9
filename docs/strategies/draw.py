#!/usr/bin/env python3
"""Draws the plots of docs/strategies.md: how each strategy spreads calls over four unequal providers.

    make sdk && cargo build --release -p fakeprovider && docs/strategies/draw.py [strategy …]

Each run sends 40 calls a second for 12 seconds through the C ABI to the fake provider (tests/support). From second 4 to
second 8 the fastest provider, east, is slow. Needs Python's standard library only; takes 13 seconds a plot.
"""

import ctypes
import json
import pathlib
import subprocess
import sys
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# Name, seconds of an answer, tokens of a call as the provider counts them, litellm_params.
PROVIDERS = [
    ("east", 0.05, 200, "weight: 4, input_cost_per_token: 8.0e-6, output_cost_per_token: 8.0e-6"),
    ("west", 0.10, 400, "weight: 3, input_cost_per_token: 4.0e-6, output_cost_per_token: 4.0e-6"),
    ("north", 0.20, 800, "weight: 2, input_cost_per_token: 2.0e-6, output_cost_per_token: 2.0e-6"),
    ("south", 0.40, 1600, "weight: 1, input_cost_per_token: 1.0e-6, output_cost_per_token: 1.0e-6"),
]
SLOW, SLOW_FROM, SLOW_TO = 0.8, 4.0, 8.0
SECONDS, RATE, STEP = 12.0, 40, 0.5

# The strategy, more of its settings, more of each provider's litellm_params.
RUNS = {
    "simple-shuffle": ("", {}),
    "least-busy": ("", {}),
    "usage-based-routing-v2": ("", {}),
    "latency-based-routing": ("routing_strategy_args: {lowest_latency_buffer: 0.1}", {}),
    "cost-based-routing": ("", {"south": "rpm: 150, max_parallel_requests: 100"}),
}


class Provider:
    """The fake provider, in a process of its own."""

    def __init__(self):
        program = ROOT / "target/release/fakeprovider"
        self.process = subprocess.Popen([program, "--no-log"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.origin = self.process.stdout.readline().split()[1]

    def play(self, east):
        """All answer; east takes so many seconds for it."""
        paths = {}
        for name, seconds, tokens, _ in PROVIDERS:
            answer = {
                "id": "1", "object": "chat.completion", "created": 1, "model": name,
                "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": name}}],
                "usage": {"prompt_tokens": tokens - 100, "completion_tokens": 100, "total_tokens": tokens},
            }
            delay = east if name == "east" else seconds
            paths[f"/{name}"] = [{"json": answer, "delay_ms": int(delay * 1000)}]
        body = json.dumps({"paths": paths}).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.origin}/_control/script", body, method="PUT")).close()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Router:
    """llmrouter through its C ABI."""

    def __init__(self, yaml):
        self.library = ctypes.CDLL(str(ROOT / "dist/lib/libllmrouter.so"))
        pointer, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
        for name, result, arguments in [
            ("router_new_from_yaml", pointer, [text, size, pointer]),
            ("router_completion", pointer, [pointer, text, size, pointer]),
            ("router_response_body", text, [pointer, pointer]),
            ("router_response_free", None, [pointer]),
            ("router_free", None, [pointer]),
        ]:
            function = getattr(self.library, name)
            function.restype, function.argtypes = result, arguments
        self.router = self.library.router_new_from_yaml(yaml.encode(), len(yaml.encode()), None)
        if not self.router:
            sys.exit(f"the configuration can't be read:\n{yaml}")

    def ask(self):
        """Who answers a call."""
        request = b'{"model": "g", "messages": [{"role": "user", "content": "Good day."}]}'
        response = self.library.router_completion(self.router, request, len(request), None)
        if not response:
            sys.exit("a call failed")
        name = json.loads(self.library.router_response_body(response, None))["model"]
        self.library.router_response_free(response)
        return name

    def end(self):
        self.library.router_free(self.router)


def run(strategy):
    """For each step of time, the calls that each provider got of those that began in it."""
    settings, more = RUNS[strategy]
    provider = Provider()
    entries = "".join(
        f"- {{model_name: g, litellm_params: {{model: openai/{name}, api_key: sk-{name}, api_base: {provider.origin}/{name}/v1, "
        f"{params}{', ' + more[name] if name in more else ''}}}}}\n"
        for name, _, _, params in PROVIDERS
    )
    router = Router(f"model_list:\n{entries}router_settings:\n  routing_strategy: {strategy}\n  {settings}\n")
    steps = [dict.fromkeys([name for name, *_ in PROVIDERS], 0) for _ in range(int(SECONDS / STEP))]

    def call(step):
        steps[step][router.ask()] += 1

    fast = PROVIDERS[0][1]
    provider.play(fast)
    start, threads, slow = time.monotonic(), [], False
    for number in range(int(SECONDS * RATE)):
        at = number / RATE
        time.sleep(max(0.0, start + at - time.monotonic()))
        if slow != (SLOW_FROM <= at < SLOW_TO):
            slow = not slow
            provider.play(SLOW if slow else fast)
        threads.append(threading.Thread(target=call, args=[int(at / STEP)]))
        threads[-1].start()
    for thread in threads:
        thread.join()
    router.end()
    provider.end()
    return steps


COLOURS = ["#4c78a8", "#f2a541", "#59a27a", "#b0649a"]
WIDTH, HEIGHT, LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT = 640, 200, 40, 24, 500, 140


def svg(strategy, steps):
    """The shares of the four over the time, one on top of the other."""
    x = lambda seconds: round(LEFT + seconds / SECONDS * PLOT_WIDTH, 1)
    y = lambda share: round(TOP + (1 - share) * PLOT_HEIGHT, 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="sans-serif" font-size="12" fill="#888">',
        f"<title>{strategy}: shares of the calls over {SECONDS:.0f} seconds</title>",
    ]
    below = [0.0] * len(steps)
    for (name, seconds, tokens, _), colour in zip(PROVIDERS, COLOURS):
        above = [base + step[name] / max(1, sum(step.values())) for base, step in zip(below, steps)]
        path = f"M{x(0)} {y(above[0])}"
        for number, share in enumerate(above):
            path += f"V{y(share)}H{x((number + 1) * STEP)}"
        for number in reversed(range(len(below))):
            path += f"V{y(below[number])}H{x(number * STEP)}"
        parts.append(f'<path fill="{colour}" d="{path}Z"/>')
        below = above
        place = TOP + PLOT_HEIGHT - 12 - 34 * PROVIDERS.index((name, seconds, tokens, _))
        total = sum(step[name] for step in steps) / sum(sum(step.values()) for step in steps)
        parts.append(f'<text x="{LEFT + PLOT_WIDTH + 8}" y="{place}" fill="{colour}">{name} {total:.0%}</text>')
    for share in (0, 0.5, 1):
        parts.append(f'<text x="{LEFT - 6}" y="{y(share) + 4}" text-anchor="end">{share:.0%}</text>')
    for seconds in range(0, int(SECONDS) + 1, 2):
        parts.append(f'<text x="{x(seconds)}" y="{TOP + PLOT_HEIGHT + 18}" text-anchor="middle">{seconds} s</text>')
    middle = x((SLOW_FROM + SLOW_TO) / 2)
    parts.append(f'<path stroke="#888" d="M{x(SLOW_FROM)} {TOP - 4}H{x(SLOW_TO)}"/>')
    parts.append(f'<text x="{middle}" y="{TOP - 9}" text-anchor="middle">east takes {SLOW:.1f} s</text>')
    return "\n".join(parts + ["</svg>"]) + "\n"


def main():
    unknown = [name for name in sys.argv[1:] if name not in RUNS]
    if unknown:
        sys.exit(f"no such strategy: {', '.join(unknown)}; there are {', '.join(RUNS)}")
    for strategy in sys.argv[1:] or RUNS:
        steps = run(strategy)
        (HERE / f"{strategy}.svg").write_text(svg(strategy, steps))
        shares = {name: sum(step[name] for step in steps) for name, *_ in PROVIDERS}
        print(strategy, shares)


if __name__ == "__main__":
    main()

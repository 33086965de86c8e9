#!/usr/bin/env python3
"""Writes data/prices.tsv from the price list that PyPI's litellm carries.

    data/prices.py            get the pinned package with pip, write the table
    data/prices.py --check    the same, but compare with the table and with tests/golden/prices.tsv
    data/prices.py ... LIST   use this copy of model_prices_and_context_window_backup.json instead

A new release: raise VERSION, run it, look at the difference, run it with --check. data/README.md says what the columns are.
"""

import datetime
import json
import pathlib
import re
import subprocess
import sys
import venv
import zipfile

VERSION = "1.109.1"
LIST = "litellm/model_prices_and_context_window_backup.json"

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "data" / "prices.tsv"
GOLDEN = ROOT / "tests" / "golden" / "prices.tsv"
SCRATCH = ROOT / "target" / "prices"

MODES = [
    "chat", "completion", "embedding", "responses", "image_generation",
    "rerank", "moderation", "audio_transcription", "audio_speech",
]

# Letters of prices. src/pricing/unit.rs has the same; a test compares it with the head of the table.
PRICES = {
    "input_cost_per_token": "i",
    "output_cost_per_token": "o",
    "cache_read_input_token_cost": "r",
    "cache_creation_input_token_cost": "w",
    "cache_creation_input_token_cost_above_1hr": "W",
    "output_cost_per_reasoning_token": "t",
    "input_cost_per_audio_token": "a",
    "output_cost_per_audio_token": "A",
    "input_cost_per_image_token": "p",
    "output_cost_per_image_token": "P",
    "input_cost_per_image": "n",
    "output_cost_per_image": "N",
    "input_cost_per_pixel": "x",
    "input_cost_per_second": "s",
    "output_cost_per_second": "S",
    "input_cost_per_character": "c",
    "input_cost_per_query": "q",
    "search_context_cost_per_query": "Q",
    "input_cost_per_request": "R",
}

# Letters of capabilities; src/pricing/info.rs has the same. A capital says that it is lacking.
CAPABILITIES = {
    "supports_function_calling": "f",
    "supports_parallel_function_calling": "p",
    "supports_tool_choice": "t",
    "supports_response_schema": "s",
    "supports_system_messages": "m",
    "supports_vision": "v",
    "supports_audio_input": "a",
    "supports_reasoning": "r",
    "supports_web_search": "w",
    "supports_prompt_caching": "c",
}

SERVICES = ["flex", "balanced", "priority", "ultrafast"]
KEY = re.compile(r"^(?P<unit>.+?)(?:_above_(?P<above>\d+)k_tokens)?(?:_(?P<service>" + "|".join(SERVICES) + "))?$")

# Providers whose higher price begins at the threshold, not above it.
FROM_THE_THRESHOLD = {"xai"}
# Where no price of cached tokens is named it is this share of the input's.
CACHED_SHARE = {"fireworks_ai": 0.5}


def fetched():
    """The list, from the pinned package. Nothing of the package is run."""
    wheels = SCRATCH / "wheels"
    found = list(wheels.glob(f"litellm-{VERSION}-*.whl"))
    if not found:
        venv.create(SCRATCH / "venv", with_pip=True)
        pip = [SCRATCH / "venv" / "bin" / "python", "-m", "pip", "--quiet", "download", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*pip, "--dest", wheels, f"litellm=={VERSION}"], check=True)
        found = list(wheels.glob(f"litellm-{VERSION}-*.whl"))
    return json.loads(zipfile.ZipFile(found[0]).read(LIST))


def number(value):
    """The shortest text that is read as the same number."""
    text = repr(float(value))
    text = text.removesuffix(".0").replace("e-0", "e-")
    return text


def tiers(entry, share):
    """`tiered_pricing` as thresholds: the prices of one tier hold for the whole call."""
    prices = {}
    ranged = sorted((tier for tier in entry.get("tiered_pricing", []) if "range" in tier), key=lambda tier: tier["range"][0])
    told = sorted({key for tier in ranged for key in tier if key in PRICES})
    for tier in ranged:
        for key in told:
            # What a tier does not name is the tier's own price of input or output, not another tier's.
            stand_in = "output_cost_per_token" if key.startswith("output") else "input_cost_per_token"
            value = tier.get(key, tier.get(stand_in, entry.get(stand_in)))
            if value is not None:
                prices[("", int(tier["range"][0]), key)] = value
        if share is not None and "cache_read_input_token_cost" not in told and "input_cost_per_token" in tier:
            prices[("", int(tier["range"][0]), "cache_read_input_token_cost")] = tier["input_cost_per_token"] * share
    return prices


def prices(entry):
    """(service, threshold, name) to the price of one."""
    found = {}
    share = CACHED_SHARE.get(entry["litellm_provider"])
    for key, value in entry.items():
        # A price that the list names as null is no price.
        if value is None:
            continue
        parts = KEY.match(key)
        unit = parts["unit"]
        if unit not in PRICES:
            continue
        if unit == "search_context_cost_per_query":
            if not isinstance(value, dict):
                continue
            value = value["search_context_size_medium"]
        above = int(parts["above"] or 0) * 1000
        if above and entry["litellm_provider"] in FROM_THE_THRESHOLD:
            above -= 1
        found[(parts["service"] or "", above, unit)] = value
    if share is not None and "input_cost_per_token" in entry:
        found.setdefault(("", 0, "cache_read_input_token_cost"), entry["input_cost_per_token"] * share)
    found.update(tiers(entry, share))
    return found


def row(name, entry):
    order = list(PRICES)
    words, group = [], ("", 0)
    found = prices(entry)
    for price in sorted(found, key=lambda price: (([""] + SERVICES).index(price[0]), price[1], order.index(price[2]))):
        if price[:2] != group:
            group = price[:2]
            words.append(f"/{group[0]}>{group[1]}")
        words.append(PRICES[price[2]] + number(found[price]))
    flags = "".join(
        letter if entry[key] else letter.upper() for key, letter in CAPABILITIES.items() if entry.get(key) is not None
    )
    windows = [entry.get("max_input_tokens"), entry.get("max_output_tokens")]
    windows = ["" if window is None else str(int(window)) for window in windows]
    return "\t".join([name, entry["litellm_provider"], entry["mode"], *windows, flags, " ".join(words)])


def table(source, date):
    kept = {name: entry for name, entry in source.items() if entry.get("mode") in MODES and "litellm_provider" in entry}
    head = [
        "# Prices in USD and context windows of models, sorted by name. Written by data/prices.py; not edited by hand.",
        f"# source: litellm {VERSION} from PyPI, {LIST}",
        f"# date: {date}",
        "# licence: MIT, Copyright (c) 2023 Berri AI; the notice stands in THIRD_PARTY.md",
        *(f"# price {letter} {key}" for key, letter in PRICES.items()),
        *(f"# capability {letter} {key}" for key, letter in CAPABILITIES.items()),
    ]
    rows = [row(name, kept[name]) for name in sorted(kept, key=lambda name: name.encode())]
    return "\n".join(head + rows) + "\n"


def golden_faults(source):
    """Rows of the golden file that the list does not bear out."""
    for line in GOLDEN.read_text().splitlines():
        if line and not line.startswith("#"):
            _, _, name, key, value = line.split("\t")
            entry = source.get(name, {})
            held = entry.get(key)
            if json.loads(value) != held:
                yield f"{name}: {key} is {value} in the golden file, {held} in the list"


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--check"]
    source = json.loads(pathlib.Path(arguments[0]).read_text()) if arguments else fetched()
    if "--check" not in sys.argv:
        TABLE.write_text(table(source, datetime.date.today()))
        return
    held = TABLE.read_text()
    date = re.search(r"^# date: (\S+)$", held, re.MULTILINE)[1]
    faults = list(golden_faults(source))
    if held != table(source, date):
        faults.append(f"{TABLE.name} is not what data/prices.py makes of the list")
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

"""A reader of prompts that knows nothing but the text: its tables, its numbers, and the answers it allows."""

import json
import re


def tables(text):
    """Every table of a prompt, by its first column: rows of numbers by title."""
    found = {}
    for block in text.split("\n\n"):
        lines = block.splitlines()
        if len(lines) > 2 and lines[0].endswith(":") and lines[1].split(", ")[0] in ("level", "period"):
            titles = lines[1].split(", ")
            rows = [dict(zip(titles, map(float, line.split(", ")), strict=True)) for line in lines[2:]]
            found[titles[0]] = rows
    return found


def carried(text):
    """The state, by name."""
    return {
        name: [float(value) for value in values.split()]
        for name, values in re.findall(r"^(state\.\S+): (.*)$", text, flags=re.MULTILINE)
    }


def allowed(text):
    """The allowed numbers of every key of an answer, or its two ends, in order."""
    found = re.findall(r'^"(\w+)": .*; a number, (?:one of|from) (.*)$', text, flags=re.MULTILINE)
    return {name: [float(value) for value in re.split(", | to ", values)] for name, values in found}


def number(text, before):
    """The number that follows some words."""
    return float(re.search(rf"{re.escape(before)}\s*(-?[\d.]+(?:e[+-]?\d+)?)", text)[1])


def rationality(text):
    """How rational users are, in the unit of money of the text."""
    return number(text, "and of not buying, b =")


def own_number(text):
    """Which provider is spoken to."""
    return int(number(text, "you are provider"))


def answer(**numbers):
    return json.dumps(numbers)

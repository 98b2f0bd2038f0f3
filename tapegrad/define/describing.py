"""Docstrings of ops whose definitions say all that there is to say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_INPUTS = {1: ("input",), 2: ("input", "other")}


def described(what: str, rules: Sequence[Any], n: int, floats: bool) -> str:
    """The docstring of an elementwise op of n inputs: what it computes, shapes, dtypes, derivatives.

    what: a sentence, or the expression that is the result.
    """
    letters = "abc"[:n]
    sentence = what[-1:] == "."
    lines = [what if sentence else f"{what}, element by element.", ""]
    names = _INPUTS.get(n, letters)
    if not sentence or n > 1:
        lines.append(f"Here {', '.join(f'{a} is {x}' for a, x in zip(letters, names, strict=True))}.")
    lines.append(f"Shapes: any{'; they broadcast' * (n > 1)}.")
    if floats:
        lines.append("Dtypes: integers and bool become the default dtype first.")
    known = [(a, rule) for a, rule in zip(letters, rules, strict=False) if isinstance(rule, str)]
    for a, rule in known:
        lines.append(f"Gradient of {a}: {_readable(rule)}, where g is that of the result y.")
    if not known:
        lines.append("It has no gradient.")
    return "\n".join(lines)


def _readable(rule: str) -> str:
    return "0" if "zeros_like(g)" in rule else re.sub(r"\bF\.", "", rule)

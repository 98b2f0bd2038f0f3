"""Docstrings and signatures of ops whose definitions say all that there is to say."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
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


class InPlace(inspect.Signature):
    """The signature of a function's in-place form: without `out`. It is made when somebody asks for it."""

    def __init__(self, function: Any) -> None:
        super().__init__(return_annotation=function.__annotations__.get("return", "Tensor"))
        self._function = function

    @cached_property
    def parameters(self) -> Mapping[str, inspect.Parameter]:  # type: ignore[override] # theirs is a property
        """The parameters by name."""
        first, *rest = inspect.signature(self._function).parameters.values()
        kept = [first.replace(name="self"), *[p for p in rest if p.name != "out"]]
        return {p.name: p for p in kept}

    def replace(self, **changed: Any) -> Any:
        """A plain signature with other parameters, or another return annotation: for a bound method."""
        plain = inspect.Signature(list(self.parameters.values()), return_annotation=self.return_annotation)
        return plain.replace(**changed)


def _readable(rule: str) -> str:
    return "0" if "zeros_like(g)" in rule else re.sub(r"\bF\.", "", rule)

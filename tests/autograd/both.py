"""Running one function on tapegrad and on torch, and comparing what comes of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import tapegrad


def plain(x: Any) -> Any:
    """x with tensors as lists and nodes as their names."""
    if isinstance(x, (tuple, list)):
        return [plain(v) for v in x]
    if hasattr(x, "detach"):
        return [str(x.dtype).rpartition(".")[2], x.detach().tolist()]
    return x.name().rpartition(":")[2] if hasattr(x, "metadata") or hasattr(x, "lasti") else x


def outcome(lib: Any, f: Callable[[Any], Any]) -> Any:
    """What f(lib) returns, or the class of its error; and whether a UserWarning came."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            result = plain(f(lib))
        except Exception as e:  # noqa: BLE001 # any class is compared
            result = type(e).__name__
    return result, any(issubclass(w.category, UserWarning) for w in seen)


def same(torch: Any, f: Callable[[Any], Any], *, warns: bool = True) -> Any:
    """Run f on both, assert that they agree, and return what came of it."""
    ours, theirs = outcome(tapegrad, f), outcome(torch, f)
    assert ours[0] == theirs[0], f"{ours[0]} and torch {theirs[0]}"
    assert not warns or ours[1] == theirs[1], f"warned: {ours[1]} and torch {theirs[1]}"
    return ours[0]

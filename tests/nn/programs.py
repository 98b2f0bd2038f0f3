"""Running one program on tapegrad and on torch, and comparing what both write down."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import tapegrad

Program = Callable[[Any], list[Any]]


def plain(x: Any) -> Any:
    """A value of either library as one that can be compared: tensors as (dtype, values)."""
    if hasattr(x, "requires_grad") and hasattr(x, "detach"):
        values = x.detach().to_dense() if getattr(x, "is_sparse", False) else x.detach()
        return (str(x.dtype).rpartition(".")[2], values.tolist())
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    if isinstance(x, type) and issubclass(x, Exception):
        return x.__name__
    if type(x).__name__ == "dtype":
        return str(x)
    return re.sub(r"\btapegrad\b", "torch", x) if isinstance(x, str) else x


def raised(f: Callable[[], Any]) -> type[BaseException] | None:
    """The class of the exception that f raises."""
    try:
        f()
    except Exception as error:  # noqa: BLE001 # any class is compared with torch's
        return type(error)
    return None


def outcome(program: Program, lib: Any) -> Any:
    """What a program writes down; warnings aside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lib.manual_seed(7)
        return plain(program(lib))


def close(a: Any, b: Any) -> bool:
    """Whether two outcomes are equal, numbers to float32's rounding."""
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(close(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return isinstance(b, (list, tuple)) and len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return bool(np.isclose(a, b, rtol=2e-5, atol=2e-6, equal_nan=True))
    return bool(a == b)


def compare(program: Program, torch: Any) -> None:
    """Fail unless the program writes down the same on both."""
    ours, theirs = outcome(program, tapegrad), outcome(program, torch)
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        assert close(a, b), f"entry {i}: {a!r:.2000}\nand torch {b!r:.2000}"

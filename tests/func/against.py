"""Running one program on tapegrad.func and on torch.func, and comparing what comes of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tapegrad
import tapegrad.func

Program = Callable[[Any], Any]


def rows(t: Any) -> Any:
    return t.arange(12.0).reshape(3, 4)


def vector(t: Any) -> Any:
    return t.arange(1.0, 4.0)


def other(t: Any) -> Any:
    return t.tensor([0.5, -1.0, 2.0])


def flat(x: Any) -> Any:
    """A result as something to compare: types, shapes, dtypes, requires_grad, values."""
    if hasattr(x, "requires_grad"):
        values = np.round(np.asarray(x.detach().numpy(), np.float64), 5).tolist()
        return tuple(x.shape), str(x.dtype), x.requires_grad, values
    if isinstance(x, dict):
        return type(x).__name__, [(k, flat(v)) for k, v in x.items()]
    if isinstance(x, (tuple, list)):
        return type(x).__name__, [flat(v) for v in x]
    return x


def outcome(t: Any, program: Program) -> Any:
    t.manual_seed(3)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return flat(program(t))
    except Exception as e:  # noqa: BLE001 # any class is compared
        return {base.__name__ for base in type(e).__mro__}, type(e).__name__


def compare(program: Program) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = outcome(tapegrad, program), outcome(torch, program)
    if isinstance(theirs, tuple) and isinstance(theirs[0], set):
        assert isinstance(ours[0], set), f"torch raises {theirs[1]}; here it is {ours}"
        assert theirs[1] in ours[0], f"{ours[1]} and torch {theirs[1]}"
    else:
        assert ours == theirs

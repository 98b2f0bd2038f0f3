"""The memory under a tensor: sharing it, counting writes to it, another one, another size."""

from __future__ import annotations

from sys import getrefcount
from typing import Any

import numpy as np
from numpy import ndarray

from tapegrad._errors import sizes
from tapegrad._state import tier
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.memory import apart, restrided
from tapegrad.kernels.strided import row_major
from tapegrad.views import box, cold, cold_of, is_inference
from tapegrad.writes import count_of, wrote


def alias(t: Any, new: Any, counts: bool) -> Any:
    """`new`, a tensor that shares t's memory outside the graph, as much of an inference tensor as t is.
    counts: whether a write to one is one to the other."""
    c = t._cold
    new._cold = cold(c.made) if is_inference(t) else None
    if counts and c is not None and c.count:
        cold_of(new).count = c.count
    return new


def version_of(t: Any) -> int:
    """How often t was written in place. Raises: RuntimeError for an inference tensor."""
    if is_inference(t):
        raise RuntimeError(
            f"_version: this Tensor{sizes(t._a.shape)} was made in inference_mode(), where writes are not "
            "counted; clone() it outside."
        )
    c = t._cold
    return (0 if c is None else c.count) + (count_of(t._a) if type(t._a) is ndarray else 0)


def replace_memory(t: Any, a: Any) -> None:
    """t shows a's memory from now on. Writes to t are no writes to a, and its count goes on."""
    c = cold_of(t)
    c.count = 0 if is_inference(t) else version_of(t)
    t._a, t._kind = apart(a) if type(a) is ndarray else a, a.dtype


def resize(t: Any, shape: tuple[int, ...], name: str) -> None:
    """Another shape for t over the same memory, in row-major order; or in new memory, which begins with the
    old elements, if it is too small.

    Raises: RuntimeError where new memory is needed but others show the old.
    """
    box(t)
    shared, a = _shown_elsewhere(t), t._a
    if a.shape == shape:
        return
    try:
        resized = restrided(a, shape, tuple([s * a.itemsize for s in row_major(shape)]))
    except ValueError:
        if shared and a.size:
            raise RuntimeError(
                f"{name}: {sizes(shape)} needs more memory than this Tensor{sizes(a.shape)} has, and others "
                "show that (views, NumPy arrays, saved values); clone() it first."
            ) from None
        resized = np.empty(shape, a.dtype)
        resized.reshape(-1)[: a.size] = a.reshape(-1)
        if not is_inference(t):
            cold_of(t).count = version_of(t)
    if resized.size >= tier.large:
        tier.wake()
    t._a = resized
    wrote(resized)


def _shown_elsewhere(t: Any) -> bool:
    """Whether anything but t holds its array, or the memory under that. Two references are t's and
    getrefcount's own."""
    if getrefcount(t._a) > 2:
        return True
    base = t._a.base is not None
    return base and (type(t._a.base) is not ndarray or getrefcount(t._a.base) > 2)


nameless(globals())

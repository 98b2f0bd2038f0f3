"""The rule of every user's Function: its backward is called, and what it returns is checked."""

from __future__ import annotations

from sys import getrefcount
from typing import Any

import numpy as np
from numpy import ndarray

from tapegrad import ops
from tapegrad._errors import describe, sizes
from tapegrad._state import autocast, grad_enabled, inference_enabled, set_mode
from tapegrad.kernels.errstate import nameless
from tapegrad.tensor import Tensor, wrap

ALONE = 3  # references to what only one holder has: the holder's, a local name, and getrefcount's argument


def back(F: Any, g: Any, saved: Any, ctx: Any, need: tuple[Any, ...]) -> list[Any]:
    """The rule of every Function: the user's backward, its results checked."""
    cls = ctx._forward_cls
    rule = cls.rule()
    given = [g.get(i) for i in range(len(ctx._outputs))] if isinstance(g, dict) else [g]
    gs = [_cotangent(F, x, like, ctx.materialize_grads) for x, like in zip(given, ctx._outputs, strict=True)]
    del given
    grad, inference = grad_enabled(), inference_enabled()
    set_mode(F.records, inference and not F.records)
    casts, autocast.on = (
        autocast.on,
        autocast.reason is not None,
    )  # unlike our rules, the user's follow autocast
    try:
        found = rule(ctx, *gs)
        results = list(found) if isinstance(found, tuple) else [found]
        del found
        _check_count(ctx, results)
        below = []
        for k, (i, p) in enumerate(zip(ctx._places, need, strict=True)):
            below.append(None if p is None else _fitted(F, ctx, results, i, *ctx._inputs[k]))
        return below
    finally:
        set_mode(grad, inference)
        autocast.on = casts


def _cotangent(F: Any, g: Any, like: Any, materialize: bool) -> Tensor | None:
    if g is not None:
        g = F.conj(g)  # as users see it
        return g if F.records else wrap(g)
    return wrap(np.zeros(*like)) if like is not None and materialize else None


def _check_count(ctx: Any, results: list[Any]) -> None:
    """Raises: RuntimeError unless backward returned one gradient for each argument, or None."""
    name, n = ctx._forward_cls.__name__, ctx._count
    if len(results) < n or any(r is not None for r in results[n:]):
        raise RuntimeError(
            f"{name} backward: it returned {len(results)} gradients and forward has {n} arguments; return "
            "one for each, None where there is none."
        )
    for i, r in enumerate(results):
        if r is None:
            continue
        if not isinstance(r, Tensor):
            raise RuntimeError(
                f"{name} backward: result {i} is {type(r).__name__}; a Tensor or None is needed."
            )
        if i not in ctx._places:
            raise RuntimeError(
                f"{name} backward: result {i} is a {describe(r)} tensor, and argument {i} of forward was no "
                "tensor; return None there."
            )


def _fitted(F: Any, ctx: Any, results: list[Any], i: int, shape: tuple[int, ...], dtype: Any) -> Any:
    """Result i as the cotangent of an input of this shape and dtype."""
    r = results[i]
    if r is None:
        return None
    name = ctx._forward_cls.__name__
    if (r._kind.kind == "c") is not (dtype.kind == "c"):
        raise RuntimeError(
            f"{name} backward: result {i} is {r.dtype} and the input {dtype}; both or none is complex."
        )
    if r._a.shape != shape:
        if not _reducible(r._a.shape, shape):
            raise RuntimeError(
                f"{name} backward: result {i} is {sizes(r._a.shape)} and the input {sizes(shape)}; they must "
                "be equal, or be made so by summing over axes that broadcast."
            )
        r = ops.sum_to(r, shape)
    if r._kind is not dtype:
        r = ops.cast(r, dtype)
    if dtype.kind == "c":
        r = ops.conj(r)  # as the tape sees it
    if F.records:
        return r
    # The sweep may keep a fresh array, and must not keep one that somebody else holds.
    a = r._a
    if type(a) is not ndarray or (getrefcount(a) <= ALONE and getrefcount(r) <= ALONE):
        return a
    return a.view()


def _reducible(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether a tensor of `to` broadcasts to `shape`."""
    return len(shape) >= len(to) and all(
        b in (1, a) for a, b in zip(shape[len(shape) - len(to) :], to, strict=True)
    )


nameless(globals())

"""Random programs of views and in-place writes, run on tapegrad and on torch side by side.

A program starts with a leaf and a matrix computed from it. Each step makes a view, writes into a tensor,
computes something, in any of the modes; all that it makes takes part in the steps that follow. What a step
does depends only on the random numbers and on shapes, which both libraries share.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import tapegrad
from tapegrad.kernels.memory import overlaps_itself

View = Callable[[Any, random.Random], Any]


def _strided(t: Any, r: random.Random) -> Any:
    base = t if t._base is None else t._base
    n = base.numel()
    size = (r.randint(1, 3), r.randint(1, 2))
    stride = (r.randint(1, 4), r.randint(1, 3))
    offset = r.randint(0, 3)
    last = offset + sum((a - 1) * b for a, b in zip(size, stride, strict=True))
    return base.as_strided(size, stride, offset) if last < n else base.as_strided((1,), (1,), n - 1)


def _dim(t: Any, r: random.Random) -> int:
    return r.randrange(max(t.dim(), 1))


def _narrow(t: Any, r: random.Random) -> Any:
    d = _dim(t, r)
    start = r.randrange(max(t.shape[d], 1))
    return t.narrow(d, start, t.shape[d] - start)


def _unfold(t: Any, r: random.Random) -> Any:
    d = _dim(t, r)
    return t.unfold(d, r.randint(1, max(t.shape[d], 1)), r.randint(1, 2))


VIEWS: tuple[View, ...] = (
    _strided,
    _narrow,
    _unfold,
    lambda t, r: t.select(_dim(t, r), 0),
    lambda t, r: t[r.randint(0, 1) :],
    lambda t, r: t[..., ::2],
    lambda t, r: t.t(),
    lambda t, r: t.reshape(-1) if t.is_contiguous() else t.movedim(0, -1),
    lambda t, r: t.view(-1),
    lambda t, r: t.unsqueeze(_dim(t, r)),
    lambda t, r: t.squeeze(),
    lambda t, r: t.diagonal(),
    lambda t, r: t.expand(2, *t.shape),
    lambda t, r: t.expand(1, *t.shape),
    lambda t, r: t.swapaxes(0, -1),
    lambda t, r: r.choice(t.tensor_split(2)),
    lambda t, r: t[:],
    lambda t, r: t.detach(),
    lambda t, r: t.data,
    lambda t, r: r.choice(t.split(2)),
    lambda t, r: r.choice(t.unbind(_dim(t, r))),
    lambda t, r: r.choice(t.chunk(2)),
)


def _set(t: Any, u: Any, at: Any) -> Any:
    t[at] = u
    return t


WRITES: tuple[Callable[[Any, Any, random.Random], Any], ...] = (
    lambda t, u, r: t.mul_(2),
    lambda t, u, r: t.mul_(u),
    lambda t, u, r: t.add_(u),
    lambda t, u, r: t.sub_(u * 0.5),
    lambda t, u, r: t.copy_(u),
    lambda t, u, r: t.sin_(),
    lambda t, u, r: t.fill_(0.5),
    lambda t, u, r: t.zero_(),
    lambda t, u, r: _set(t, u, slice(1, None)),
    lambda t, u, r: _set(t, 0.25, 0),
    lambda t, u, r: _set(t, u, ...),
)
OTHERS: tuple[Callable[[Any, Any, random.Random], Any], ...] = (
    lambda t, u, r: t * u,
    lambda t, u, r: t * t,
    lambda t, u, r: t.exp().clamp(max=10),
    lambda t, u, r: t * 1.5,
    lambda t, u, r: t * 1 if t.is_inference() else t.clone(),  # torch counts a write to such a clone
    lambda t, u, r: t * 1 if t.is_inference() or t._is_view() else t.requires_grad_(),
)
MODES = ("grad", "grad", "grad", "grad", "no_grad", "inference")


class Pair:
    """The tensors of both libraries."""

    def __init__(self, torch: Any, seed: int) -> None:
        self.libs, self.random, self.steps = (tapegrad, torch), random.Random(seed), []
        self.kept: list[tuple[Any, ...]] = []
        self.over = False
        values = np.random.default_rng(seed).uniform(-1, 1, (3, 4))
        self.leaves = [lib.tensor(values, dtype=lib.float64, requires_grad=True) for lib in self.libs]
        self.kept.append(tuple(self.leaves))
        self.kept.append(tuple(leaf * 1.0 for leaf in self.leaves))
        self.kept.append(tuple(lib.tensor(values[::-1].copy()) for lib in self.libs))

    def both(self, run: Callable[[Any, int], Any], mode: str) -> tuple[Any, ...] | None:
        """run(lib, which) on both; None where both refuse. Raises: AssertionError if one does."""
        results: list[Any] = []
        state = self.random.getstate()
        for k, lib in enumerate(self.libs):
            self.random.setstate(state)
            context = {"grad": lib.enable_grad, "no_grad": lib.no_grad, "inference": lib.inference_mode}
            try:
                with warnings.catch_warnings(), context[mode]():
                    warnings.simplefilter("ignore")
                    results.append(run(lib, k))
            except (RuntimeError, IndexError, ValueError, TypeError) as e:
                results.append(e)
        failed = [isinstance(x, Exception) for x in results]
        assert failed[0] == failed[1], f"{results}"
        if failed[0]:
            assert isinstance(results[0], type(results[1])), f"{results!r}"
            self.over = True  # torch may have done a part of it
            return None
        return tuple(results)


def _lost(both: tuple[Any, ...]) -> bool:
    """Whether torch says that a view made in no_grad requires grad, though its gradient goes nowhere."""
    return both[0]._is_view() and both[1].requires_grad and not both[0].requires_grad


def _undefined(t: Any, u: Any) -> bool:
    """Whether torch's own result depends on the order in which it writes, or it cannot go back: t repeats
    places in memory, or u shares some with it."""
    return bool(overlaps_itself(t._a) or np.shares_memory(t._a, u._a))


def step(pair: Pair) -> None:
    """One step."""
    r = pair.random
    mode = r.choice(MODES)
    i, j = r.randrange(len(pair.kept)), r.randrange(len(pair.kept))
    t, u = pair.kept[i], pair.kept[j]
    kind = r.random()
    if _lost(u) or (_lost(t) and not 0.45 <= kind < 0.8):
        return
    if kind < 0.45:
        view = r.randrange(len(VIEWS))
        pair.steps.append(f"{mode}: view {view} of {i}")
        made = pair.both(lambda lib, k: VIEWS[view](t[k], r), mode)
    elif kind < 0.8:
        write = r.randrange(len(WRITES))
        if _undefined(t[0], u[0]):
            return
        pair.steps.append(f"{mode}: write {write} of {j} to {i}")
        made = pair.both(lambda lib, k: WRITES[write](t[k], u[k], r), mode)
        made = None
    else:
        other = r.randrange(len(OTHERS))
        pair.steps.append(f"{mode}: other {other} of {i} and {j}")
        made = pair.both(lambda lib, k: OTHERS[other](t[k], u[k], r), mode)
    if made is not None and not any(made[0] is x[0] for x in pair.kept):
        pair.steps[-1] += f" -> {len(pair.kept)}"
        pair.kept.append(made)


def facts(t: Any) -> Any:
    """What must be equal of both: the class of an error if there is one."""
    try:
        fn = t.grad_fn
        return (
            None if t.is_inference() else t._version,
            t._is_view(),
            t.is_inference(),
            t.is_leaf,
            # torch derives views anew also after writes that are not recorded, which changes no gradient
            fn if fn is None else "view" if t._is_view() else fn.name().rpartition(":")[2],
        )
    except RuntimeError:
        return "refused"


def compare(pair: Pair) -> None:
    """Values and facts of everything, then gradients of everything that takes part."""
    for i, (a, b) in enumerate(pair.kept):
        x, y = (v.data.numpy() for v in (a, b))
        assert x.shape == y.shape, f"shape of {i}"
        assert np.allclose(x, y, 1e-9, 1e-9, equal_nan=True), f"value of {i}: {x} and torch {y}"
        assert _lost((a, b)) or facts(a) == facts(b), f"facts of {i}: {facts(a)} and torch {facts(b)}"


def gradient(pair: Pair, order: int) -> None:
    """The gradients of a sum over everything, with respect to the leaf; or of their squares."""

    def run(lib: Any, k: int) -> Any:
        total = lib.zeros((), dtype=lib.float64)
        for i, both in enumerate(pair.kept):
            try:
                usable = both[k].requires_grad and both[1].grad_fn is not None
            except RuntimeError:
                continue
            if usable:
                total = total + ((1 + i / 7) * both[k] * both[k]).sum()
        if not total.requires_grad:
            return None
        (g,) = lib.autograd.grad(total, [pair.leaves[k]], create_graph=order > 1, allow_unused=True)
        if order > 1 and g is not None and g.requires_grad:
            (g,) = lib.autograd.grad((g * g).sum(), [pair.leaves[k]], allow_unused=True)
        return None if g is None else g.detach().numpy()

    found = pair.both(run, "grad")
    if found is not None:
        a, b = found
        zero = np.zeros((3, 4))
        a, b = (zero if x is None else x for x in (a, b))
        scale = max(1.0, float(np.abs(b).max()))
        assert np.allclose(a, b, 1e-8, 1e-8 * scale, equal_nan=True), f"gradient: {a} and torch {b}"


def run(torch: Any, seed: int, length: int = 9) -> None:
    """A whole program. Raises: AssertionError with its steps where the libraries differ."""
    pair = Pair(torch, seed)
    try:
        for _ in range(length):
            step(pair)
            if pair.over:
                return
            compare(pair)
        gradient(pair, 1 + seed % 2)
    except AssertionError as e:
        raise AssertionError("\n".join([f"seed {seed}", *pair.steps, str(e)])) from None

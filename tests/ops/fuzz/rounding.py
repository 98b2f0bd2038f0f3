"""Is it rounding? A program is repeated on torch, each of whose results is changed in its last place.

Where the libraries differ by more than one op's rounding error, the question is how far torch itself moves
when everything that it computes moves by one unit in the last place: sums that cancel, quotients of small
numbers, comparisons of what is nearly equal. All that its kernels return is moved, in backward passes, too.

The movement depends on the value alone, so that what was equal stays equal; numbers with few digits, which
are computed exactly, stay, and so do numbers that are only copied. In a second round everything moves, equal
numbers differently, and what an op reads, too: a sum that is 0 because its terms are equal has rounding
errors, also within one op (a Fourier transform). There a movement counts only if it grows with the
perturbation, as rounding errors do. A choice among equal elements does not.

Where intermediate results overflow, the order of terms decides between inf and nan, and no order is promised.
Such a program is repeated with a smaller number in place of the large one, and must agree then.

Source: Monte Carlo arithmetic (D. S. Parker, 1997).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from tests.ops.fuzz.running import (
    RELATIVE,
    Difference,
    Over,
    Run,
    Statement,
    close,
    distance,
    flags,
    put,
    values_of,
)

DRAWS = 8
UNITS = 2  # by which what a kernel returns is moved at most
HUGE, MODEST = "1e+30", "1e+01"  # the literal whose products overflow, and what takes its place
# A sum of n terms may be n/2 units off in either library, and moves by sqrt(n), or, as the draws are few, by
# a half of that. Most have 64 terms or fewer.
FACTOR = 16
WIDE = 64  # times as many units, by which everything moves for comparison


class Draw(NamedTuple):
    """A perturbation. seed: 0 for none. apart: whether equal numbers move differently. units: how far."""

    seed: int = 0
    apart: bool = False
    units: int = UNITS


def advance(run: Run, s: Statement) -> None:
    """The next statement. Raises: Difference that is not rounding; Over where the program ends."""
    try:
        run.step(s)
    except Difference as found:
        if not is_rounding(run, found) and not is_overflow(run, found):
            raise
        if found.what not in ("value", "gradient"):
            raise Over("rounding decides") from None
        run.adopt()


# ---- perturbation


def perturbed(x: Any, draw: Draw) -> Any:
    """x with each element moved by up to `units` in the last place."""
    if x.dtype.kind == "c":
        both = np.empty_like(x)
        both.real, both.imag = perturbed(x.real, draw), perturbed(x.imag, draw)
        return both
    if draw.seed == 0 or x.dtype.kind != "f":
        return x
    bits = x.flatten().view(f"u{x.itemsize}").reshape(x.shape).astype("u8")
    with np.errstate(all="ignore"):
        mixed = (bits + np.uint64(draw.seed)) * np.uint64(0x9E3779B97F4A7C15)
        if draw.apart:
            places = np.arange(1, x.size + 1, dtype="u8").reshape(x.shape)
            mixed = (mixed ^ places * np.uint64(0xBF58476D1CE4E5B9)) * np.uint64(0x94D049BB133111EB)
        part = (mixed >> np.uint64(40)).astype("f8") / 2**23 - 1  # in [-1, 1)
        moved = x + np.round(part * (draw.units + 0.5)).astype(x.dtype) * np.spacing(x)
        stays = ~np.isfinite(x) | (not draw.apart) & _exact(x)
    return np.where(stays, x, moved)


def _exact(x: Any) -> Any:
    """Where numbers have so few digits that sums and products of such are computed exactly."""
    with np.errstate(all="ignore"):
        return (x * 64 == np.round(x * 64)) & (np.abs(x) < 1024)


def _perturbing(torch: Any, draw: Draw) -> Any:
    """A context in which what torch's kernels compute is moved."""
    if draw.seed == 0:
        return nullcontext()
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves, tree_map_only

    class Perturbing(TorchDispatchMode):
        def __torch_dispatch__(self, f: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            given = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
            before = [values_of(t).copy() for t in given]
            if draw.apart and all(r.alias_info is None for r in f._schema.returns):
                seeds = count(draw.seed)  # operands that are equal move differently, too
                args = tree_map_only(torch.Tensor, lambda t: _moved_copy(torch, t, draw, next(seeds)), args)
            out = f(*args, **(kwargs or {}))
            each = out if isinstance(out, (tuple, list)) else [out]
            fresh = f is torch.ops.aten.lift_fresh.default  # a literal
            returned = f._schema.returns if len(f._schema.returns) == len(each) else ()
            for t, returns in zip(each, returned, strict=False):
                alias = returns.alias_info
                if isinstance(t, torch.Tensor) and (alias is None or alias.is_write or fresh):
                    _move(t, [] if fresh else before, draw)
            return out

    return Perturbing()


def _moved_copy(torch: Any, t: Any, draw: Draw, seed: int) -> Any:
    """What an op reads, moved; a copy, since it may be a view that repeats one element."""
    x = values_of(t)
    return torch.from_numpy(perturbed(x, draw._replace(seed=seed))) if x.dtype.kind in "fc" else t


def _move(t: Any, given: Sequence[Any], draw: Draw) -> None:
    """Move a result of what was given in place; numbers that are only copied stay, if equal ones are to."""
    x = values_of(t)
    if x.dtype.kind in "fc" and x.flags.writeable:
        known = [a.reshape(-1) for a in given if a.dtype == x.dtype and not draw.apart]
        copied = np.isin(x, np.concatenate(known)) if known else np.False_
        put(t, np.where(copied, x, perturbed(x, draw)))


# ---- judgement


class Outcome(NamedTuple):
    """How the last statement of a perturbed run ended.

    kind: torch's error and what it says of each tensor. ours, theirs: all arrays.
    """

    kind: Any
    ours: list[Any]
    theirs: list[Any]


def _outcome(run: Run, draw: Draw) -> Outcome:
    again = Run(run.theirs.lib)
    for i, s in enumerate(run.done):
        again.execute(s, _perturbing(run.theirs.lib, draw))
        if i + 1 < len(run.done):
            again.adopt(lambda x: perturbed(x, draw))
    pairs = [(a, b) for _, _, a, b in again.pairs() if a is not None and b is not None]
    theirs = [values_of(b).copy() for _, b in pairs]
    said = [(y.shape, y.dtype.name, tuple(flags(b).items())) for y, (_, b) in zip(theirs, pairs, strict=True)]
    return Outcome((type(again.theirs.error), said), [values_of(a).copy() for a, _ in pairs], theirs)


def is_rounding(run: Run, found: Difference) -> bool:
    """Whether torch's own result moves as far as the difference, or differs in kind."""
    first, moved = _outcome(run, Draw()), []
    for i in range(DRAWS):
        moved.append(_outcome(run, Draw(i + 1)))
        if moved[-1].kind != first.kind:
            return True
        if found.what in ("value", "gradient") and _explained(first, moved):
            return True
    if found.what not in ("value", "gradient"):
        return False
    seeds = range(1, DRAWS + 1)
    apart = [[_outcome(run, Draw(i, True, units)) for i in seeds] for units in (UNITS, UNITS * WIDE)]
    by_one, by_many = ([o for o in outcomes if o.kind == first.kind] for outcomes in apart)
    return _explained(first, moved, lambda y, i: _growing(y, i, by_one, by_many))


def _explained(
    first: Outcome, moved: Sequence[Outcome], more: Callable[[Any, int], Any] = lambda y, i: 0
) -> bool:
    """Whether all of our arrays are torch's up to their movement. more: further movement of an array."""
    return all(
        _within(x, y, [o.theirs[i] for o in moved], more(y, i))
        for i, (x, y) in enumerate(zip(first.ours, first.theirs, strict=True))
    )


def _spread(y: Any, others: Sequence[Any]) -> Any:
    """How far the elements of y move."""
    with np.errstate(all="ignore"):
        return np.fmax.reduce([np.zeros(y.shape), *[distance(z, y) for z in others]])


def _growing(y: Any, i: int, by_one: Sequence[Outcome], by_many: Sequence[Outcome]) -> Any:
    """How far the elements of y, the array i, move by one unit where equal numbers move differently: what
    they move by many, if that is more by so much, and no jump (half of the digits are left)."""
    one, many = (_spread(y, [o.theirs[i] for o in outcomes]) for outcomes in (by_one, by_many))
    small = np.sqrt(np.finfo(y.dtype).eps) * max(1.0, _largest(y)) if y.dtype.kind in "fc" else 0
    least = np.where(many <= small, many / WIDE, np.minimum(one, many / WIDE))
    return np.where(many > one * WIDE / 8, least, 0)


def _largest(x: Any) -> float:
    return float(np.max(np.abs(x), initial=0, where=np.isfinite(x)))


def _within(x: Any, y: Any, moved: Sequence[Any], more: Any = 0) -> bool:
    """Whether each element of x is torch's, y, up to its movement; or one that becomes inf, nan or another
    integer when it is moved. more: further movements."""
    if x.dtype != y.dtype or x.shape != y.shape:
        return False
    if x.dtype.kind not in "fc":
        return bool(((x == y) | np.any([z != y for z in moved], axis=0)).all())
    finite = np.isfinite(x) & np.isfinite(y)
    decided = np.any([np.isfinite(z) != np.isfinite(y) for z in moved], axis=0)
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(x), np.abs(y)).astype("f8")
        most = RELATIVE[x.dtype.name] * size + FACTOR * np.fmax(_spread(y, moved), more)
        near = distance(x, y) <= most
    return bool((close(x, y) | decided | near & finite).all())


def is_overflow(run: Run, found: Difference) -> bool:
    """Whether the results differ only where one is not finite, or by the largest rounding error of a tensor,
    and agree if nothing overflows."""
    if found.what not in ("value", "gradient") or not any(HUGE in s.text for s in run.done):
        return False
    first = _outcome(run, Draw())
    moved = [o for o in (_outcome(run, Draw(i + 1)) for i in range(DRAWS)) if o.kind == first.kind]
    for i, (x, y) in enumerate(zip(first.ours, first.theirs, strict=True)):
        if x.dtype != y.dtype or x.shape != y.shape:
            return False
        if x.dtype.kind in "fc":
            finite = np.isfinite(x) & np.isfinite(y)
            most = np.max(_spread(y, [o.theirs[i] for o in moved]), initial=0, where=finite)
            x, y = (np.where(finite, z, 0) for z in (x, y))
            if not _within(x, y, [y], most):
                return False
    return _agrees_modestly(run)


def _agrees_modestly(run: Run) -> bool:
    """Whether the program agrees with a smaller number in place of the huge one."""
    again = Run(run.theirs.lib)
    try:
        for s in run.done:
            try:
                advance(again, s._replace(text=s.text.replace(HUGE, MODEST)))
            except Over:  # a known departure, and maybe not the last
                again.adopt()
    except Difference:
        return False
    return True

"""Is it rounding? A program is repeated on torch with every value changed in its last place.

Where the libraries differ by more than one op's rounding error, the question is how far torch itself moves
when what it computes with moves by one unit in the last place: sums that cancel, quotients of small numbers,
comparisons of what is nearly equal. The change depends on the value alone, so that what was equal stays
equal, and numbers with few digits, which are computed exactly, stay.

Where intermediate results overflow, the order of terms decides between inf and nan, and no order is promised;
where they are huge and cancel, nothing but their rounding errors is left. Such a program is repeated with a
smaller number in place of the large one, and must agree then.

Source: Monte Carlo arithmetic (D. S. Parker, 1997).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.ops.fuzz.running import RELATIVE, Difference, Over, Run, Statement, close, distance, values_of

DRAWS = 4
HUGE, MODEST = "1e+30", "1e+01"  # the literal whose products overflow, and what takes its place
LARGE = 16.0  # larger numbers do not excuse larger differences
FACTOR = 16  # how often the movement of the result by one unit of everything before it is still rounding


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


def is_overflow(run: Run, found: Difference) -> bool:
    """Whether the results differ only where one is not finite, or by the rounding of the largest number, and
    agree if nothing overflows."""
    if found.what not in ("value", "gradient") or not any(HUGE in s.text for s in run.done):
        return False
    pairs = [(values_of(a), values_of(b)) for _, _, a, b in run.pairs() if a is not None and b is not None]
    least = RELATIVE[_coarsest(run, [x for x, _ in pairs])] * max([_largest(y) for _, y in pairs], default=0)
    for x, y in pairs:
        if x.dtype.kind not in "fc":
            continue
        if x.dtype != y.dtype or x.shape != y.shape:
            return False
        finite = np.isfinite(x) & np.isfinite(y)
        with np.errstate(all="ignore"):
            if (~close(x, y) & finite & (distance(x, y) > least)).any():
                return False
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


def perturbed(x: Any, draw: int) -> Any:
    """x with each element moved by up to one unit in the last place; in draw 0 x as it is."""
    if x.dtype.kind == "c":
        both = np.empty_like(x)
        both.real, both.imag = perturbed(x.real, draw), perturbed(x.imag, draw)
        return both
    if draw == 0 or x.dtype.kind != "f":
        return x
    info = np.finfo(x.dtype)
    bits = x.flatten().view(f"u{x.itemsize}").reshape(x.shape).astype("u8")
    with np.errstate(all="ignore"):
        mixed = (bits + np.uint64(draw)) * np.uint64(0x9E3779B97F4A7C15)
        part = (mixed >> np.uint64(40)).astype("f8") / 2**23 - 1  # in [-1, 1)
        few = (x * 64 == np.round(x * 64)) & (np.abs(x) < 1024)
        moved = (x.astype("f8") * (1 + part * info.eps)).astype(x.dtype)
        if x.itemsize == 8:
            moved = np.where(np.abs(part) < 0.3, x, np.nextafter(x, np.copysign(np.inf, part * x)))
    return np.where(few | ~np.isfinite(x), x, moved)


def is_rounding(run: Run, found: Difference) -> bool:
    """Whether torch's own result moves as far as the difference, or differs in kind."""
    outcomes = [_outcome(run, draw) for draw in range(DRAWS + 1)]
    kinds = {kind for kind, _, _ in outcomes}
    if len(kinds) > 1:
        return True
    if found.what not in ("value", "gradient"):
        return False
    mine = outcomes[0][1]
    unit = RELATIVE[_coarsest(run, mine)]
    most = min(LARGE, max([_largest(x) for x in mine], default=0.0))
    return all(_within(x, [theirs[i] for _, _, theirs in outcomes], most, unit) for i, x in enumerate(mine))


def _outcome(run: Run, draw: int) -> tuple[Any, list[Any], list[Any]]:
    """The last statement after a perturbed run: how it ended, our arrays, torch's."""
    again = Run(run.theirs.lib)
    for s in run.done[:-1]:
        again.execute(s)
        again.adopt(lambda x: perturbed(x, draw))
    again.execute(run.done[-1])
    arrays = [(values_of(a), values_of(b)) for _, _, a, b in again.pairs() if a is not None and b is not None]
    theirs = [y.copy() for _, y in arrays]
    special = tuple([np.isfinite(y).tobytes() for y in theirs if y.dtype.kind in "fc"])
    integers = tuple([y.tobytes() for y in theirs if y.dtype.kind not in "fc"])
    shapes = tuple([(y.shape, y.dtype.name) for y in theirs])
    return (type(again.theirs.error), special, integers, shapes), [x.copy() for x, _ in arrays], theirs


def _coarsest(run: Run, arrays: Sequence[Any]) -> str:
    """The least exact dtype of a program: what is float64 may have been computed from it."""
    names = {x.dtype.name for x in arrays}
    text = "\n".join([s.text for s in run.done])
    if "float16" in names or ".half(" in text or "float16" in text:
        return "float16"
    return (
        "float32" if {"float32", "complex64"} & names or "float32" in text or ".float(" in text else "float64"
    )


def _largest(x: Any) -> float:
    if x.dtype.kind not in "fc":
        return 0.0
    return float(np.max(np.abs(x).astype("f8"), initial=0, where=np.isfinite(x)))


def _within(x: Any, theirs: Sequence[Any], most: float, unit: float) -> bool:
    """Whether x is torch's result up to its movement, and up to the rounding (by `unit`) of the program's
    largest number, out of which it may have come by cancellation."""
    y = theirs[0]
    if x.dtype != y.dtype or x.shape != y.shape:
        return False
    if x.dtype.kind not in "fc":
        return bool((x == y).all())
    with np.errstate(all="ignore"):
        finite = np.isfinite(x) & np.isfinite(y)
        least = unit * max(most, _largest(y))
        spread = np.max([distance(z, y) for z in theirs], axis=0)
        near = distance(x, y) <= least + FACTOR * spread
    return bool(((x == y) | np.isnan(x) & np.isnan(y) | near & finite).all())

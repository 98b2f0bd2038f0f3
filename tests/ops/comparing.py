"""Running one call on tapegrad and on torch, and saying where the outcomes differ."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import tapegrad
from tapegrad.dtypes import FLOATING, INEXACT, NAMES, limits
from tapegrad.testing.samples import Call

# Python itself refuses wrong arguments; otherwise a message is "op: what was given, what is needed".
WORDING = re.compile(r"^[a-z_][\w.]*(\(out=\))?( backward)?: |argument|operand type|not supported between")


class Outcome(NamedTuple):
    """What a call returned, or the exception that it raised."""

    value: Any
    error: Exception | None


def attempt(run: Callable[[], Any]) -> Outcome:
    """Run it with warnings as errors (what tapegrad says once excepted)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", tapegrad.TapegradWarning)
            return Outcome(run(), None)
    except Exception as error:  # noqa: BLE001 # any class is compared with torch's
        return Outcome(None, error)


def attempt_quietly(run: Callable[[], Any]) -> Outcome:
    """Run torch, which warns."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Outcome(run(), None)
    except Exception as error:  # noqa: BLE001 # any class is compared with ours
        return Outcome(None, error)


def attempt_strictly(run: Callable[[], Any]) -> Outcome:
    """Run it where the user has set NumPy to raise on every floating point event."""
    with np.errstate(all="raise"):
        return attempt(run)


def is_tensor(x: Any) -> bool:
    """Whether x is a tensor of either library."""
    return hasattr(x, "requires_grad")


def array(t: Any) -> Any:
    """A tensor's values."""
    if str(t.dtype) == "torch.bfloat16":  # of which neither library makes an ndarray
        return array(t.float()).astype(tapegrad.bfloat16.numpy)
    return t.detach().resolve_conj().resolve_neg().numpy(force=True)


def real(t: Any) -> Any:
    """A tensor, or the real part of a complex one."""
    return t.real if t.is_complex() else t


def leaves_of(x: Any) -> Iterator[Any]:
    """The tensors and plain values in a result, in order."""
    if isinstance(x, (tuple, list)):
        for y in x:
            yield from leaves_of(y)
    else:
        yield x


def differing(a: Any, b: Any, ulps: float = 0, *, least: float = 0, signs: bool = True) -> str:
    """How array a differs from b; "" if it does not by more than `ulps` units in the last place.

    least: the smallest magnitude by which a unit is measured. signs: whether zeros must have one sign.
    """
    if a.dtype != b.dtype or a.shape != b.shape:
        return f"{a.dtype}{list(a.shape)} and torch {b.dtype}{list(b.shape)}"
    if a.dtype.kind == "c":
        return _parts_differing(a, b, ulps, least)
    if a.dtype.kind not in FLOATING:
        bad = a != b
    else:
        with np.errstate(all="ignore"):
            scale = np.maximum(np.maximum(np.abs(a), np.abs(b)), least).astype("f8")
            unit = np.maximum(float(limits(a.dtype).eps) * scale, float(limits(a.dtype).smallest_subnormal))
            near = np.abs(a.astype("f8") - b.astype("f8")) <= ulps * unit
            same = (a == b) & ((np.signbit(a) == np.signbit(b)) | (not signs)) | np.isnan(a) & np.isnan(b)
            bad = ~(same | (near & np.isfinite(a) & np.isfinite(b) & ((a != 0) | (b != 0))))
    if not np.any(bad):
        return ""
    at = np.flatnonzero(bad)[:4]
    return f"{np.sum(bad)} differ, at {at}: {a.reshape(-1)[at]} and torch {b.reshape(-1)[at]}"


def _parts_differing(a: Any, b: Any, ulps: float, least: float) -> str:
    """The same of complex numbers: a unit of each part is one of the magnitude."""
    with np.errstate(all="ignore"):
        size = np.abs(b)
    least = np.maximum(least, np.where(np.isfinite(size), size, 0))
    parts = [differing(x, y, ulps, least=least, signs=False) for x, y in ((a.real, b.real), (a.imag, b.imag))]
    return "; ".join(p for p in parts if p)


def precision(c: Call, result: Any) -> float:
    """How many units in the last place of `result` one unit of the call's coarsest float argument is."""
    if result.dtype.kind not in INEXACT:
        return 1.0
    own = float(limits(result.dtype).eps)
    return max([own, *[tapegrad.finfo(NAMES[a.dtype]).eps for a in c.arrays() if a.is_float]]) / own


def spread(c: Call) -> float:
    """The size that a sum of all the call's elements has: the error of sums is measured by it."""
    return max(1.0, float(sum(np.prod(a.shape, dtype=int) for a in c.arrays())) ** 0.5)


def same_class(a: Exception | None, b: Exception | None) -> bool:
    """Whether both are of one class; each library has its own LinAlgError."""
    names = {type(e).__name__.lstrip("_") for e in (a, b)}
    return type(a) is type(b) or names == {"LinAlgError"}


def error_differing(ours: Exception | None, theirs: Exception | None) -> str:
    """How our exception differs from torch's; "" if it has its class, and the design's wording."""
    if not same_class(ours, theirs):
        return f"{ours!r:.200} and torch {theirs!r:.200}"
    if ours is not None and not WORDING.search(str(ours)):
        return f"wording: {ours!r:.200}"
    return ""

"""Anomaly mode: the first rule of a backward that makes a nan is named, with the line of its forward.

Where an exception comes from is said without it, by a note on the exception.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad._errors import describe, place
from tapegrad._state import Reason
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import arrays_of
from tapegrad.tape import Node, watchers

__all__ = ["detect_anomaly", "is_anomaly_check_nan_enabled", "is_anomaly_enabled", "set_detect_anomaly"]


class _Anomaly:
    """Whether the mode is on, and whether it looks for nan; for all threads, as in torch."""

    __slots__ = ("_reason", "check_nan", "on")

    def __init__(self) -> None:
        self.on, self.check_nan = False, True
        self._reason: Reason | None = None

    def set(self, on: bool, check_nan: bool) -> None:
        """Switch it."""
        self.on, self.check_nan = on, check_nan
        others = tuple([c for c in watchers.checks if c is not check])
        watchers.checks = (*others, check) if on and check_nan else others
        self._reason = Reason() if watchers.checks else None


_mode = _Anomaly()


def check(n: Node, g: Any, below: Any) -> None:
    """Raises: RuntimeError if a cotangent that n's rule made has a nan."""
    for i, x in enumerate(below):
        bad = _nans(x)
        if not bad:
            continue
        came = _nans(g)
        before = f"{came} nan already" if came else "no nan"
        raise RuntimeError(
            f"{n.op.name} backward: the gradient of its input {i}, {describe(x)}, has {bad} nan; the "
            f"gradient of its output, {describe(g)}, had {before}. {n.op.name} was recorded at "
            f"{place(n.code, n.lasti)}; look at the values there."
        )


def _nans(x: Any) -> int:
    """How many nan are in a cotangent: an array, a storage, a Tensor, or several of them."""
    if x is None:
        return 0
    if isinstance(x, dict):
        return sum(_nans(v) for v in x.values())
    return sum(int(np.isnan(a).sum()) for a in arrays_of(getattr(x, "_a", x)))


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on."""
    return _mode.on


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode looks for nan."""
    return _mode.check_nan


class set_detect_anomaly:
    """Switch anomaly mode at once; as a context manager it is restored at the end.

    Source: torch.autograd.set_detect_anomaly.
    """

    __slots__ = ("_was",)

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._was = _mode.on, _mode.check_nan
        _mode.set(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        _mode.set(*self._was)


class detect_anomaly:
    """In the block a backward raises as soon as a rule makes a nan, and names the operation, its line and
    shapes. Source: torch.autograd.detect_anomaly."""

    __slots__ = ("_check_nan", "_was")

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan

    def __enter__(self) -> None:
        self._was = _mode.on, _mode.check_nan
        _mode.set(True, self._check_nan)

    def __exit__(self, *_: object) -> None:
        _mode.set(*self._was)


nameless(globals())

"""Kernels from scipy, the extra `special`. It is imported when one of them first runs."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless


def from_scipy(name: str, op: str) -> Callable[..., Any]:
    """scipy.special's ufunc of that name (of several results the first), as the kernel of an op.

    Raises: ImportError, when it runs, where scipy is missing.
    """
    found: list[Any] = []

    def kernel(*xs: Any) -> Any:
        if not found:
            found.append(getattr(_scipy(op), name))
        y = found[0](*xs)
        y = y[0] if isinstance(y, tuple) else y
        return np.asarray(y).astype(np.result_type(*xs), copy=False)[()]

    kernel.__name__ = kernel.__qualname__ = name
    return kernel


def _scipy(op: str) -> Any:
    try:
        return import_module("scipy.special")
    except ImportError:
        raise ImportError(
            f"{op}: it is computed by scipy, which is not installed; install the extra with "
            "pip install 'tapegrad[special]'."
        ) from None


nameless(globals())

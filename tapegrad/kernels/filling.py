"""New arrays, and arrays of one number."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless


def empty(shape: tuple[int, ...], kind: Any) -> Any:
    """An array whose elements are not set."""
    return np.empty(shape, kind)


def zeros(shape: tuple[int, ...], kind: Any) -> Any:
    """An array of zeros."""
    return np.zeros(shape, kind)


def fill(x: Any, value: Any) -> None:
    """Set all elements of x to a number."""
    x.fill(value)


def full(shape: tuple[int, ...], kind: Any, value: Any) -> Any:
    """An array of one number."""
    y = empty(shape, kind)
    fill(y, value)
    return y


def ones(shape: tuple[int, ...], kind: Any) -> Any:
    """An array of ones. (np.ones is written in Python, and takes three times as long.)"""
    return full(shape, kind, 1)


nameless(globals())

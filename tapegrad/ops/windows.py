"""Windows of signal processing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tapegrad._state import default
from tapegrad.define import offer
from tapegrad.devices import check_device
from tapegrad.dtypes import FLOATING, as_numpy, of
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.create import finished
from tapegrad.tensor import Tensor


def _steps(op: str, n: int, periodic: bool, dtype: Any) -> tuple[Any, int]:
    """The numbers 0 to n - 1 in the dtype, and the number of intervals."""
    kind = default.dtype if dtype is None else as_numpy(dtype, op)
    if n < 0:
        raise RuntimeError(f"{op}: window_length is {n}; 0 or more is needed.")
    if kind.kind not in FLOATING:
        raise RuntimeError(f"{op}: dtype is {of(kind)}; a floating point dtype is needed.")
    return np.arange(n).astype(kind), n if periodic else n - 1


def _times(x: Any, factor: float) -> Any:
    """x * factor, computed in float32 at least, as torch does for float16."""
    return (x * np.promote_types(x.dtype, "f4").type(factor)).astype(x.dtype)


def _plus(x: Any, term: float) -> Any:
    return (x + np.promote_types(x.dtype, "f4").type(term)).astype(x.dtype)


def _raised(i: Any, intervals: int, alpha: float, beta: float) -> Any:
    """alpha - beta cos(2 pi i / intervals)."""
    return _plus(_times(np.cos(_times(i, 2 * math.pi / intervals)), -beta), alpha)


def _blackman(i: Any, intervals: int) -> Any:
    half = _times(i, math.pi / intervals)
    fourth, second = (np.cos(_times(half, k)) for k in (4, 2))
    return _plus(_times(fourth, 0.08) - _times(second, 0.5), 0.42)


def _window(name: str, make: Any, text: str) -> Any:
    def call(
        window_length: int,
        periodic: bool = True,
        *,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        pin_memory: bool = False,
        requires_grad: bool = False,
    ) -> Tensor:
        check_device(device, name)
        i, intervals = _steps(name, window_length, periodic, dtype)
        window = make(i, intervals) if i.size > 1 else np.ones_like(i)
        return finished(name, window, device, requires_grad, None)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"""{text}

    periodic: one period of an endless window, for spectra; False: one that mirrors itself, for filters.
    Raises: RuntimeError for a negative length, or a dtype that is not floating.
    """
    return call


def _triangle(i: Any, intervals: int) -> Any:
    up = _times(i, 2 / intervals)
    return np.where(i < (intervals >> 1) + 1, up, _plus(-up, 2))


hann_window = _window("hann_window", lambda i, n: _raised(i, n, 0.5, 0.5), "(1 - cos(2 pi i / n)) / 2.")
blackman_window = _window("blackman_window", _blackman, "0.42 - 0.5 cos(2 pi i / n) + 0.08 cos(4 pi i / n).")
bartlett_window = _window("bartlett_window", _triangle, "A triangle from 0 to 1 and back.")


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """alpha - beta cos(2 pi i / n). See hann_window."""
    check_device(device, "hamming_window")
    i, intervals = _steps("hamming_window", window_length, periodic, dtype)
    window = _raised(i, intervals, alpha, beta) if i.size > 1 else np.ones_like(i)
    return finished("hamming_window", window, device, requires_grad, None)


def kaiser_window(
    window_length: int,
    periodic: bool = True,
    beta: float = 12.0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """I0(beta sqrt(1 - x^2)) / I0(beta) for x from -1 to 1, with the modified Bessel function I0.
    See hann_window."""
    check_device(device, "kaiser_window")
    i, intervals = _steps("kaiser_window", window_length, periodic, dtype)
    x = 2 * i.astype("f8") / max(intervals, 1) - 1
    window = np.i0(beta * np.sqrt(np.maximum(1 - x * x, 0))) / np.i0(beta) if i.size > 1 else np.ones_like(i)
    return finished("kaiser_window", np.asarray(window).astype(i.dtype), device, requires_grad, None)


offer(
    globals(),
    functions="bartlett_window blackman_window hamming_window hann_window kaiser_window",
)
nameless(globals())

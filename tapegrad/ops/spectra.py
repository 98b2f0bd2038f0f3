"""Spectra over time: the Fourier transform of overlapping pieces of a signal, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad._errors import describe, say_once, sizes
from tapegrad.define import offer
from tapegrad.dtypes import INEXACT
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.complex_numbers import view_as_real
from tapegrad.ops.fft import c2c, c2r, r2c
from tapegrad.ops.index import fetch, getitem, putitem, spread
from tapegrad.ops.moves import transpose
from tapegrad.ops.shape import unsqueeze
from tapegrad.ops.views import unfold
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, wrap

_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
_LEAST = 1e-11  # what the windows must add up to at least


def _padded(x: Tensor, pad: int, mode: str) -> Tensor:
    """x [rows, time] with `pad` more values at both ends."""
    rows, n = x._a.shape
    if mode == "constant":
        return putitem(x, (slice(None), slice(pad, pad + n)), (rows, n + 2 * pad))
    if mode not in _MODES:
        raise NotImplementedError(f"stft: pad_mode is {mode!r}; one of {[*_MODES, 'constant']} is needed.")
    if mode == "reflect" and pad >= n:
        raise RuntimeError(
            f"stft: the signal has {n} values and n_fft // 2 is {pad}; more values are needed to reflect. "
            "Pass center=False, or a smaller n_fft."
        )
    return fetch(x, (slice(None), np.pad(np.arange(n), pad, mode=_MODES[mode])))  # type: ignore[call-overload] # a mode by name


def _framed(x: Tensor, n_fft: int, width: int, center: bool, mode: str, align: bool | None) -> Tensor:
    """The signal with what pieces need before and behind it. Raises: RuntimeError for align with center."""
    if center:
        if align is not None:
            raise RuntimeError(f"stft: align_to_window is {align} and center is True; leave one out.")
        return _padded(x, n_fft // 2, mode)
    if not align:
        return x
    before, (rows, n) = (n_fft - width) // 2, x._a.shape  # the first window starts where the signal does
    return putitem(x, (slice(None), slice(before, before + n)), (rows, n + n_fft - width))


def _sizes(op: str, n_fft: int, hop: int | None, width: int | None) -> tuple[int, int]:
    width = n_fft if width is None else width
    hop = n_fft // 4 if hop is None else hop
    if hop <= 0:
        raise RuntimeError(f"{op}: hop_length is {hop}; 1 or more is needed.")
    if not 0 < width <= n_fft:
        raise RuntimeError(f"{op}: win_length is {width} and n_fft is {n_fft}; 1 to n_fft is needed.")
    return hop, width


def _window(op: str, window: Tensor | None, width: int, n_fft: int, like: Tensor) -> Tensor:
    """The window in the middle of n_fft values; ones if there is none."""
    if window is None:
        real = like._a.real.dtype
        window = wrap(np.ones(width, real))
    elif window._a.ndim != 1 or window._a.shape[0] != width:
        raise RuntimeError(
            f"{op}: window is {sizes(window._a.shape)} and win_length {width}; they must agree."
        )
    first = (n_fft - width) // 2
    return window if width == n_fft else putitem(window, (slice(first, first + width),), (n_fft,))


def _signal(input: Any, window: Tensor | None, return_complex: bool | None) -> Tensor:
    """The input of stft. Raises: RuntimeError for what is no signal, or if return_complex is missing."""
    x = need_tensor(input, "stft")
    if x._kind.kind not in INEXACT or x._a.ndim not in (1, 2):
        raise RuntimeError(f"stft: input is {describe(x)}; a 1-d or 2-d floating point tensor is needed.")
    given = [x] if window is None else [x, window]
    if return_complex is None and all(t._kind.kind != "c" for t in given):
        raise RuntimeError("stft: return_complex is missing; pass True (or False for pairs of numbers).")
    return x


def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    """The Fourier transforms of pieces of a signal, n_fft long and hop_length (n_fft // 4) apart.

    Shapes: [time] or [batch, time] to complex [batch, frequencies, pieces]; with return_complex=False real
    numbers in a last dimension of 2. window: what each piece is multiplied with. center: pieces have their
    middle at multiples of hop_length, the signal being padded. align_to_window, without center: a window
    shorter than n_fft starts at the signal's first value. onesided: without the mirrored half.
    Raises: RuntimeError for lengths that do not fit, or if return_complex is not given for a real signal.
    """
    x = _signal(input, window, return_complex)
    hop, width = _sizes("stft", n_fft, hop_length, win_length)
    if window is None:
        say_once("stft: no window is given, so that a piece ends abruptly; torch.hann_window is usual.")
    flat = x._a.ndim == 1
    x = unsqueeze(x, 0) if flat else x
    x = _framed(x, n_fft, width, center, pad_mode, align_to_window)
    if not 0 < n_fft <= x._a.shape[1]:
        raise RuntimeError(
            f"stft: n_fft is {n_fft} and the signal has {x._a.shape[1]} values; fewer are needed."
        )
    pieces = unfold(x, 1, n_fft, hop) * _window("stft", window, width, n_fft, x)
    norm = "ortho" if normalized else "backward"
    if pieces._kind.kind == "c" or onesided is False:
        spectrum = c2c(pieces + 0j if pieces._kind.kind != "c" else pieces, (2,), True, norm)
    else:
        spectrum = r2c(pieces, 2, True, norm)
    y = transpose(spectrum, 1, 2)
    y = getitem(y, 0) if flat else y
    return view_as_real(y) if return_complex is False else y


def _spectrum(input: Any) -> Tensor:
    """The input of istft. Raises: RuntimeError for what is no spectrum over time."""
    x = need_tensor(input, "istft")
    if x._kind.kind != "c":
        raise RuntimeError(f"istft: input is {describe(x)}; a complex tensor is needed; see view_as_complex.")
    if x._a.ndim not in (2, 3) or not x._a.size:
        raise RuntimeError(f"istft: input is {sizes(x._a.shape)}; 2 or 3 dimensions, not empty, are needed.")
    return x


def _overlapped(pieces: Tensor, window: Tensor, hop: int) -> tuple[Tensor, Tensor]:
    """The sums of pieces [rows, count, n] times the window, hop apart; and those of the window's squares."""
    rows, count, n = pieces._a.shape
    total = n + hop * (count - 1)
    places = np.arange(count)[:, None] * hop + np.arange(n)
    signal = spread(pieces * window, (slice(None), places), (rows, total))
    return signal, spread((window * window).expand(count, n), (places,), (total,))


def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """The signal whose stft() input is, in the sense of least squares.

    Shapes: complex [frequencies, pieces] or [batch, frequencies, pieces] to [time] or [batch, time].
    length: of the signal, which is cut, or filled up with zeros.
    Raises: RuntimeError for shapes that do not fit, or where the windows add up to 0.
    """
    x = _spectrum(input)
    hop, width = _sizes("istft", n_fft, hop_length, win_length)
    flat = x._a.ndim == 2
    x = transpose(unsqueeze(x, 0) if flat else x, 1, 2)
    rows, count, frequencies = x._a.shape
    half = not return_complex if onesided is None else onesided
    if frequencies != (n_fft // 2 + 1 if half else n_fft):
        raise RuntimeError(
            f"istft: n_fft is {n_fft} and input has {frequencies} frequencies; they must agree."
        )
    norm = "ortho" if normalized else "backward"
    pieces = c2r(x, n_fft, 2, False, norm) if half else c2c(x, (2,), False, norm)
    if not half and not return_complex:
        pieces = pieces.real
    signal, weight = _overlapped(pieces, _window("istft", window, width, n_fft, x), hop)
    total = n_fft + hop * (count - 1)
    first = n_fft // 2 if center else 0
    last = first + length if length is not None else total - first
    part = slice(first, min(last, total))
    if not (np.abs(np.asarray(weight._a)[part]) > _LEAST).all():
        raise RuntimeError("istft: the windows add up to 0 somewhere; pass another window or a smaller hop.")
    y = getitem(signal, (slice(None), part)) / getitem(weight, (part,))
    if last > total:
        y = putitem(y, (slice(None), slice(total - first)), (rows, last - first))
    return getitem(y, 0) if flat else y


offer(globals(), both="stft istft")
nameless(globals())

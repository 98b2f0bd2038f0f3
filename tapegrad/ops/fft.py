"""Fourier transforms: torch.fft.

Three linear ops carry them all: complex to complex, real to complex, complex to real. A transform is its own
transpose, so that each rule is a transform in the same direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import tapegrad.define.batching as B
import tapegrad.kernels.fourier as K
from tapegrad._errors import describe, sizes
from tapegrad._state import default
from tapegrad.define import cast, finish, linear, offer, store
from tapegrad.devices import check_device
from tapegrad.dtypes import F4, F8, NARROW, as_numpy, complex_of
from tapegrad.kernels.errstate import nameless
from tapegrad.ops import arrange
from tapegrad.ops.create import finished
from tapegrad.ops.index import getitem, putitem
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, axis, wrap

_NORMS = ("backward", "forward", "ortho")


def _first(n: int, dim: int, ndim: int) -> tuple[Any, ...]:
    """The index of the first n along an axis."""
    return tuple([slice(n) if d == dim else slice(None) for d in range(ndim)])


def _r2c_vjp(F: Any, g: Any, shape: Any, dim: int, forward: bool, norm: str) -> Any:
    half = _first(g.shape[dim], dim, len(shape))
    return F.real(F.fft_c2c(F.putitem(g, half, shape), (dim,), forward, norm))


def _c2r_vjp(F: Any, g: Any, shape: Any, n: int, dim: int, forward: bool, norm: str) -> Any:
    weights = K.mirrored(n, dim, len(shape), g._kind if F.records else g.dtype)
    return F.fft_r2c(g, dim, forward, norm) * (wrap(weights) if F.records else weights)


c2c = linear(
    "fft_c2c",
    K.c2c,
    lambda F, g, shape, dims, forward, norm: F.fft_c2c(g, dims, forward, norm),
    title="FftC2CBackward0",
    batch=B.shifted(lambda n, dims, *how: (tuple([d + 1 for d in dims]), *how)),
)
r2c = linear(
    "fft_r2c",
    K.r2c,
    _r2c_vjp,
    title="FftR2CBackward0",
    batch=B.shifted(lambda n, dim, *how: (dim + 1, *how)),
)
c2r = linear(
    "fft_c2r",
    K.c2r,
    _c2r_vjp,
    title="FftC2RBackward0",
    batch=B.shifted(lambda n, size, dim, *how: (size, dim + 1, *how)),
)


# ---- what the functions share


def _norm(norm: str | None, op: str) -> str:
    if norm is None:
        return "backward"
    if norm not in _NORMS:
        raise RuntimeError(f"{op}: norm is {norm!r}; one of {', '.join(map(repr, _NORMS))} is needed.")
    return norm


def _input(x: Any, op: str, real: bool = False) -> Tensor:
    """The input as complex numbers, or as real ones; integers become the default dtype."""
    x = need_tensor(x, op)
    kind = x._kind
    if kind is F4 or kind is F8:
        return x if real else cast(x, complex_of(kind))
    if kind.char in NARROW:
        raise RuntimeError(f"{op}: input is {describe(x)}; float32 or float64 is needed, e.g. input.float().")
    if real and kind.kind == "c":
        raise RuntimeError(f"{op}: input is {describe(x)}; a real tensor is needed, e.g. input.real.")
    if kind.kind in "iub":
        x, kind = cast(x, default.dtype), default.dtype
    return x if real or kind.kind == "c" else cast(x, complex_of(kind))


def _check_length(n: Any, op: str) -> None:
    if n < 1:
        raise RuntimeError(f"{op}: a dimension has {n} points; 1 or more is needed.")


def _resized(x: Tensor, lengths: Sequence[int], dims: Sequence[int]) -> Tensor:
    """x cut or filled up with zeros to these lengths along these axes."""
    shape, ndim = list(x._a.shape), x._a.ndim
    for n, d in zip(lengths, dims, strict=True):
        if n < shape[d]:
            x = getitem(x, _first(n, d, ndim))
        elif n > shape[d]:
            index = _first(shape[d], d, ndim)
            shape[d] = n
            x = putitem(x, index, tuple(shape))
        shape[d] = n
    return x


def _one(x: Tensor, n: int | None, dim: int, op: str) -> int:
    """The axis, and a check of how many points are asked for."""
    if n is not None and (isinstance(n, bool) or not hasattr(n, "__index__")):
        raise TypeError(f"{op}: n is {n!r}; an int is needed.")
    if not x._a.ndim:
        raise IndexError(f"{op}: input is 0-d; at least one dimension is needed.")
    d = axis(dim, x._a.ndim, op)
    if n is not None:
        _check_length(n, op)
    return d


def _several(x: Tensor, s: Any, dim: Any, op: str) -> tuple[list[int], list[int]]:
    """The axes and their lengths; by default all, or the last as many as s has."""
    shape = x._a.shape
    ndim = len(shape)
    given = None if s is None else [s] if isinstance(s, int) else list(s)
    if dim is None:
        if given is not None and len(given) > ndim:
            raise RuntimeError(f"{op}: s has {len(given)} lengths and input is {sizes(shape)}; too many.")
        dims = list(range(ndim))[ndim - len(given) :] if given is not None else list(range(ndim))
    else:
        dims = []
        for d in [dim] if isinstance(dim, int) else dim:
            dims.append(axis(d, ndim, op))
        if dims and not ndim:
            raise IndexError(f"{op}: dim is {dim} and input is 0-d; it has no dimensions.")
    if len(dims) > 1 and len({*dims}) < len(dims):
        raise RuntimeError(f"{op}: dim is {dim}; no dimension may come twice.")
    if given is None:
        return dims, [shape[d] for d in dims]
    if len(given) != len(dims):
        raise RuntimeError(f"{op}: s has {len(given)} lengths and dim {len(dims)}; they must be as many.")
    return dims, [shape[d] if given[k] == -1 else given[k] for k, d in enumerate(dims)]


def _complex(op: str, input: Any, s: Any, dim: Any, norm: Any, forward: bool, out: Any) -> Tensor:
    dims, lengths = _several(need_tensor(input, op), s, dim, op)
    x = _input(input, op)
    for n in lengths:
        _check_length(n, op)
    if s is not None:
        x = _resized(x, lengths, dims)
    y = c2c(x, tuple(dims), forward, _norm(norm, op))
    return y if out is None else store(y, out, op)


def _from_real(op: str, input: Any, s: Any, dim: Any, norm: Any, forward: bool, out: Any) -> Tensor:
    """Real to complex along the last axis, complex along the others."""
    x = need_tensor(input, op)
    if forward and x._kind.kind == "c":
        x = _input(x, op, real=True)  # torch's looks at that first, its inverse at the dimensions
    dims, lengths = _several(x, s, dim, op)
    x, how = _input(x, op, real=True), _norm(norm, op)
    if not dims:
        raise RuntimeError(f"{op}: dim is empty; at least one dimension is needed.")
    for n in lengths:
        _check_length(n, op)
    if s is not None:
        x = _resized(x, lengths, dims)
    y = r2c(x, dims[-1], forward, how)
    return finish(c2c(y, tuple(dims[:-1]), forward, how) if dims[1:] else y, out, op)


def _to_real(op: str, input: Any, s: Any, dim: Any, norm: Any, forward: bool, out: Any) -> Tensor:
    """Complex along the first axes, complex to real along the last one."""
    dims, lengths = _several(need_tensor(input, op), s, dim, op)
    x, how = _input(input, op), _norm(norm, op)
    if not dims:
        raise RuntimeError(f"{op}: dim is empty; at least one dimension is needed.")
    last = x._a.shape[dims[-1]]
    given = s if s is None or not isinstance(s, int) else [s]
    n = 2 * (last - 1) if given is None or given[-1] == -1 else lengths[-1]
    for k in (*lengths[:-1], n):
        _check_length(k, op)
    x = _resized(x, [*lengths[:-1], n // 2 + 1], dims)
    if dims[1:]:
        x = c2c(x, tuple(dims[:-1]), forward, how)
    return finish(c2r(x, n, dims[-1], forward, how), out, op)


# ---- one dimension


def _single(name: str, how: Any, forward: bool, text: str) -> Any:
    def call(
        input: Tensor,
        n: int | None = None,
        dim: int = -1,
        norm: str | None = None,
        *,
        out: Tensor | None = None,
    ) -> Tensor:
        real = how is _from_real
        x = _input(input, name, real)
        d = _one(x, n, dim, name)
        if n is None and how is not _to_real:
            _check_length(x._a.shape[d], name)
            along = _norm(norm, name)
            y = r2c(x, d, forward, along) if real else c2c(x, (d,), forward, along)
            return y if out is None else store(y, out, name)
        return how(name, x, None if n is None else [n], [d], norm, forward, out)  # type: ignore[no-any-return] # a Tensor

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{text} along one dimension.\n\n{_ARGUMENTS}"
    return call


def _plural(name: str, how: Any, forward: bool, text: str, default: tuple[int, ...] | None) -> Any:
    def call(
        input: Tensor,
        s: Sequence[int] | None = None,
        dim: Sequence[int] | None = default,
        norm: str | None = None,
        *,
        out: Tensor | None = None,
    ) -> Tensor:
        return how(name, input, s, dim, norm, forward, out)  # type: ignore[no-any-return] # a Tensor

    call.__name__ = call.__qualname__ = name
    which = "all dimensions, or some" if default is None else "two dimensions"
    call.__doc__ = f"{text} along {which}.\n\n{_ARGUMENTS}"
    return call


_ARGUMENTS = """    n, s: how many points to transform; the input is cut, or filled up with zeros. norm: which
    direction divides by their number: "backward" (default), "forward", or both by its root, "ortho".
    Raises: RuntimeError for no points, another norm, float16, bfloat16, or dimensions that come twice.
    """
_TEXTS = {
    "fft": ("The Fourier transform", _complex, True),
    "ifft": ("The inverse Fourier transform", _complex, False),
    "rfft": ("The Fourier transform of real numbers, without the mirrored half,", _from_real, True),
    "irfft": ("The inverse of rfft: real numbers", _to_real, False),
    "hfft": ("The Fourier transform, which is real, of numbers that mirror each other", _to_real, True),
    "ihfft": ("The inverse of hfft", _from_real, False),
}
for _name, (_text, _how, _forward) in _TEXTS.items():
    globals()[_name] = _single(_name, _how, _forward, _text)
    globals()[f"{_name}2"] = _plural(f"{_name}2", _how, _forward, _text, (-2, -1))
    globals()[f"{_name}n"] = _plural(f"{_name}n", _how, _forward, _text, None)


# ---- frequencies, and their order


def _frequencies(
    op: str, numbers: Any, n: int, d: float, dtype: Any, device: Any, grad: bool, out: Any
) -> Tensor:
    check_device(device, op)
    kind = default.dtype if dtype is None else as_numpy(dtype, op)
    if n < 0:
        raise RuntimeError(f"{op}: n is {n}; 0 or more is needed.")
    return finished(
        op, (numbers.astype(kind) / kind.type(n * d)) if n else numbers.astype(kind), device, grad, out
    )


def fftfreq(
    n: int,
    d: float = 1.0,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The frequencies of fft's results: 0, 1, ..., then the negative ones, over n d; d: the distance."""
    numbers = np.concatenate([np.arange((max(n, 0) + 1) // 2), np.arange(-(max(n, 0) // 2), 0)])
    return _frequencies("fftfreq", numbers, n, d, dtype, device, requires_grad, out)


def rfftfreq(
    n: int,
    d: float = 1.0,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The frequencies of rfft's results: 0, 1, ..., n // 2, over n d. d: the distance of samples."""
    return _frequencies("rfftfreq", np.arange(max(n, 0) // 2 + 1), n, d, dtype, device, requires_grad, out)


def _shifted(op: str, input: Any, dim: Any, inverse: bool) -> Tensor:
    x = need_tensor(input, op)
    dims = range(x._a.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    if not dims:
        raise RuntimeError(f"{op}: there is no dimension to shift along; one or more are needed.")
    if not x._a.ndim:
        raise IndexError(f"{op}: input is 0-d; a dimension to shift along is needed.")
    dims = tuple([axis(d, x._a.ndim, op) for d in dims])
    shifts = [x._a.shape[d] // 2 for d in dims]
    return arrange.rolled(x, tuple([-n if inverse else n for n in shifts]), dims)


def fftshift(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Frequency 0 in the middle: negative frequencies first, along some dimensions, by default all."""
    return _shifted("fftshift", input, dim, False)


def ifftshift(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """The inverse of fftshift."""
    return _shifted("ifftshift", input, dim, True)


offer(
    globals(),
    namespace="fft",
    functions=" ".join([f"{name} {name}2 {name}n" for name in _TEXTS])
    + " fftfreq rfftfreq fftshift ifftshift",
    rules="c2c r2c c2r",
)
nameless(globals())

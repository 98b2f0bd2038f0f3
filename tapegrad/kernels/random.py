"""Random draws: torch's numbers for torch's seed, as NumPy arrays.

Every draw takes the stream first and returns a new flat array of n values of the dtype asked for; `fill` puts
such a draw into an array that exists, in torch's order. Arguments are checked before anything is drawn or
changed.

What a draw takes from the stream is torch's too, because the next draw starts there. The unit is a word of 32
bits. A uniform number of float16 or float32 is the low 24 bits of one word; one of float64 is the low 53 bits
of two words, and so are those behind every other distribution, whatever its dtype. No values take no words.

Bit for bit torch 2.13 on x86 with AVX2: its builds for other processors round some of these elsewhere.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tapegrad.dtypes import NARROW, limits
from tapegrad.kernels import gaussian, rounding
from tapegrad.kernels.drawing import (
    CHUNK,
    FLOATS,
    INTEGERS,
    Array,
    DType,
    arranged,
    draw,
    fill,
    need_dtype,
    need_own_places,
    rounded,
    unit32,
    unit64,
    units32,
    units64,
)
from tapegrad.kernels.errstate import again, nameless
from tapegrad.kernels.generator import Stream
from tapegrad.kernels.random_integers import randint, random_integers, randperm
from tapegrad.kernels.reduce import range_of
from tapegrad.kernels.sort import topk

__all__ = [
    "bernoulli",
    "bernoulli_from",
    "cauchy",
    "exponential",
    "fill",
    "geometric",
    "log_normal",
    "multinomial",
    "normal",
    "randint",
    "random_integers",
    "randperm",
    "standard_normal",
    "standard_uniform",
    "uniform",
]

_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
_ZERO = np.array(0.0)  # which NumPy takes faster than a number
_FEW_PAIRS = 12  # fewer pairs of normals than this are cheaper as Python numbers
_MOST_WEIGHTS = 2**24  # of one multinomial distribution


def uniform(
    stream: Stream, n: int, low: float = 0.0, high: float = 1.0, dtype: npt.DTypeLike = np.float32
) -> Array:
    """n numbers spread evenly over [low, high).

    Shapes: dtype[n]. Range: low <= high, both and their difference finite in dtype.
    Raises: RuntimeError for a bad range; NotImplementedError if dtype is neither floating nor complex.
    Source: torch.rand, Tensor.uniform_.
    """
    dtype = dtype if isinstance(dtype, np.dtype) else np.dtype(dtype)
    if low == 0 and high == 1 and dtype.char in "fd":
        return draw(stream, n, dtype, unit64 if dtype.char == "d" else unit32)
    if dtype.kind == "c":
        return uniform(stream, 2 * n, low, high, _component(dtype)).view(dtype)
    need_dtype("uniform_", dtype, FLOATS)
    largest = float(limits(dtype).max)
    if not (-largest <= low <= high <= largest and high - low <= largest):
        needed = f"low <= high is needed, and both and their difference finite in {dtype}"
        raise RuntimeError(f"uniform_: low is {low} and high is {high}; {needed}.")
    return scaled_uniform(stream, n, low, high, dtype)


def standard_uniform(stream: Stream, n: int, dtype: DType) -> Array:
    """n numbers spread evenly over [0, 1): `uniform` without its checks for a few float32 numbers.

    Shapes: dtype[n]. Raises: NotImplementedError as uniform.
    """
    if dtype is _FLOAT32:
        with stream.lock:
            found = stream.converted(units32, 1, n)
        if found is not None:
            values, first = found
            return values[first : first + n].copy()
    return uniform(stream, n, 0.0, 1.0, dtype)


def scaled_uniform(stream: Stream, n: int, low: float, high: float, dtype: DType) -> Array:
    """The general case of uniform. float16 is computed in float32."""
    unit, fma = (unit64, rounding.fma64) if dtype.char == "d" else (unit32, rounding.fma32)
    with np.errstate(all="ignore"):
        start, stop = np.array([low, high]).astype(np.float64 if dtype.char == "d" else np.float32)
        width, first = float(stop - start), float(start)
        start, stop = start.astype(dtype), stop.astype(dtype)

    def make(stream: Stream, count: int) -> Array:
        x = rounded(fma(unit(stream, count), width, first), dtype)
        np.copyto(x, start, where=x == stop)  # rounding can reach the end, which is left out
        return x

    return draw(stream, n, dtype, make)


def normal(
    stream: Stream,
    n: int,
    mean: float = 0.0,
    std: float = 1.0,
    dtype: npt.DTypeLike = np.float32,
    contiguous: bool = True,
) -> Array:
    """n normally distributed numbers.

    torch makes them in groups of 16 for a contiguous tensor of at least 16. For a smaller one, or one that is
    not contiguous, it makes them in pairs; if the last pair is used half, its other half begins the next such
    draw.

    Shapes: dtype[n]. Range: std >= 0.
    Raises: RuntimeError if std is negative or nan; NotImplementedError if dtype is neither floating nor
    complex.
    Source: torch.randn, torch.normal, Tensor.normal_.
    """
    dtype = dtype if isinstance(dtype, np.dtype) else np.dtype(dtype)
    if not std >= 0:
        raise RuntimeError(f"normal_: std is {std}; it must be >= 0.")
    if dtype.kind == "c":
        return normal(stream, 2 * n, mean, std / math.sqrt(2), _component(dtype), contiguous).view(dtype)
    if n == 0:
        return np.empty(0, dtype)
    need_dtype("normal_", dtype, FLOATS)
    if n < gaussian.GROUP or not contiguous:
        if std == 1 and mean == 0 and dtype.char in "fd":
            return _normal_pairs(stream, n, dtype)
        return rounded(rounding.scale64(_normal_pairs(stream, n), std, mean), dtype)
    return normal_groups(stream, n, mean, std, dtype)


def standard_normal(stream: Stream, n: int, dtype: DType) -> Array:
    """n numbers of the standard normal distribution: `normal` without its checks for a few.

    Shapes: dtype[n]. Raises: NotImplementedError as normal.
    """
    if dtype is _FLOAT32 or dtype is _FLOAT64:
        if n >= gaussian.GROUP:
            return normal_groups(stream, n, 0.0, 1.0, dtype)
        if n > 0:
            return _normal_pairs(stream, n, dtype)
    return normal(stream, n, 0.0, 1.0, dtype)


def log_normal(
    stream: Stream, n: int, mean: float = 1.0, std: float = 2.0, dtype: npt.DTypeLike = np.float32
) -> Array:
    """n numbers whose logarithms are normally distributed, always made in pairs (see `normal`).

    Shapes: dtype[n]. Range: std > 0.
    Raises: RuntimeError if std is not positive; NotImplementedError if dtype is not floating.
    Source: Tensor.log_normal_.
    """
    if not std > 0:
        raise RuntimeError(f"log_normal_: std is {std}; it must be > 0.")
    dtype = np.dtype(dtype)
    if n == 0:
        return np.empty(0, dtype)
    need_dtype("log_normal_", dtype, FLOATS)
    return rounded(rounding.exp(rounding.scale64(_normal_pairs(stream, n), std, mean)), dtype)


def exponential(stream: Stream, n: int, lambd: float = 1.0, dtype: npt.DTypeLike = np.float32) -> Array:
    """n exponentially distributed numbers with the rate lambd.

    Shapes: dtype[n]. Range: lambd > 0.
    Raises: RuntimeError if lambd is not positive, or dtype is not floating.
    Source: Tensor.exponential_.
    """
    if not lambd > 0:
        raise RuntimeError(f"exponential_: lambd is {lambd}; it must be > 0.")
    dtype = np.dtype(dtype)
    if n == 0:
        return np.empty(0, dtype)
    need_dtype("exponential_", dtype, FLOATS, RuntimeError)
    return waits(stream, n, -1.0 / lambd, dtype)


def waits(stream: Stream, n: int, factor: float, dtype: DType) -> Array:
    """n logarithms of uniform numbers, times a factor."""

    def make(stream: Stream, count: int) -> Array:
        found = stream.converted(_logs, 2, count, late=True)
        values, first = found or (_logs(stream.words(2 * count)), 0)
        logs = values[first : first + count]
        try:
            return _scaled(logs, factor, dtype)
        except FloatingPointError:  # NumPy is set to raise
            return again(_scaled, logs, factor, dtype)  # type: ignore[no-any-return] # an Array

    return draw(stream, n, dtype, make)


def _scaled(x: Array, factor: float, dtype: DType) -> Array:
    """x * factor in another dtype."""
    y = -x if factor == -1 else x * factor
    return y.astype(_FLOAT32).astype(dtype) if dtype.char in NARROW else y.astype(dtype, copy=False)


def _logs(words: Array) -> Array:
    """log(1 - u) of uniform numbers. Shapes: uint32[2 n] to float64[n]."""
    return rounding.log1p(-units64(words))


def cauchy(
    stream: Stream, n: int, median: float = 0.0, sigma: float = 1.0, dtype: npt.DTypeLike = np.float32
) -> Array:
    """n numbers of the Cauchy distribution.

    Shapes: dtype[n]. Range: sigma > 0.
    Raises: RuntimeError if sigma is not positive, or dtype is not floating.
    Source: Tensor.cauchy_.
    """
    if not sigma > 0:
        raise RuntimeError(f"cauchy_: sigma is {sigma}; it must be > 0.")
    dtype = np.dtype(dtype)
    need_dtype("cauchy_", dtype, FLOATS, RuntimeError)

    def make(stream: Stream, count: int) -> Array:
        angle = (unit64(stream, count) - 0.5) * math.pi
        return rounded(rounding.fma64(rounding.tan(angle), sigma, median), dtype)

    return draw(stream, n, dtype, make)


def geometric(stream: Stream, n: int, p: float, dtype: npt.DTypeLike = np.float32) -> Array:
    """n counts of trials up to the first success, where each trial succeeds with probability p.

    Shapes: dtype[n]. Range: 0 < p < 1.
    Raises: RuntimeError if p is out of range; NotImplementedError for a dtype that torch does not draw.
    Source: Tensor.geometric_.
    """
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_: p is {p}; it must lie in (0, 1).")
    dtype = np.dtype(dtype)
    if n == 0:
        return np.empty(0, dtype)
    need_dtype("geometric_", dtype, INTEGERS + FLOATS)
    log_failure = math.log1p(-p)

    def make(stream: Stream, count: int) -> Array:
        return rounded(np.ceil(rounding.log(unit64(stream, count)) / log_failure), dtype)

    return draw(stream, n, dtype, make)


def bernoulli(stream: Stream, n: int, p: float = 0.5, dtype: npt.DTypeLike = np.float32) -> Array:
    """n draws of 1 with probability p, else 0: two words each, whatever the dtype.

    Shapes: dtype[n]. Range: 0 <= p <= 1.
    Raises: RuntimeError if p is out of range; NotImplementedError for a dtype that torch does not draw.
    Source: Tensor.bernoulli_(float), torch.dropout.
    """
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_: p is {p}; it must lie in [0, 1].")
    dtype = np.dtype(dtype)
    if n == 0:
        return np.empty(0, dtype)
    need_dtype("bernoulli_", dtype, "?" + INTEGERS + FLOATS)
    return trials(stream, n, p, dtype)


def trials(stream: Stream, n: int, p: float, dtype: DType) -> Array:
    """n numbers of which each is 1 with probability p, else 0."""
    return draw(stream, n, dtype, lambda stream, count: unit64(stream, count) < p)


def bernoulli_from(stream: Stream, p: Array, out: Array | None = None) -> Array:
    """A draw of 1 with probability p, else 0, for every element of p: one word each, or two if p is float64.

    Shapes: a new C-contiguous array of p's shape and dtype; or `out`, to which p broadcasts, written in the
    order of `fill`. Range: 0 <= p <= 1.
    Raises: RuntimeError if a p is out of range or does not broadcast, or if elements of out share memory;
    NotImplementedError for a dtype that torch does not draw.
    Source: torch.bernoulli, Tensor.bernoulli_(Tensor).
    """
    if out is None:
        return _bernoulli_like(stream, p)
    need_own_places("bernoulli_", out)
    need_dtype("bernoulli_", out.dtype, "?" + INTEGERS + FLOATS)
    if not out.size:
        return out
    _need_probabilities(p)
    try:
        p = np.broadcast_to(p, out.shape)
    except ValueError:
        shapes = f"p is {list(p.shape)} and the tensor is {list(out.shape)}"
        raise RuntimeError(f"bernoulli_: {shapes}; p must broadcast to the tensor.") from None
    out[...] = arranged(_uniform_for(stream, p), out) < p
    return out


def _bernoulli_like(stream: Stream, p: Array) -> Array:
    """bernoulli_from without `out`."""
    if not p.size:
        return np.empty(p.shape, p.dtype)
    _need_probabilities(p)
    drawn = _uniform_for(stream, p)
    return hits(drawn if p.ndim == 1 else drawn.reshape(p.shape), p)


def hits(drawn: Array, p: Array) -> Array:
    """1 where what was drawn is less than p, else 0, in p's dtype. Shapes: p's."""
    return (drawn < p).astype(p.dtype)


def _uniform_for(stream: Stream, p: Array) -> Array:
    """As many uniform numbers as p has elements, to be compared with those."""
    return standard_uniform(stream, p.size, _FLOAT64 if p.dtype is _FLOAT64 else _FLOAT32)


def _need_probabilities(p: Array) -> None:
    """Raise NotImplementedError or RuntimeError unless p has floats from 0 to 1."""
    if p.dtype is not _FLOAT32:
        need_dtype("bernoulli_", p.dtype, FLOATS, subject="the dtype of p")
    if not p.size:
        return
    least, most = range_of(p)
    if not (least >= 0 and most <= 1):
        bad = p[~((p >= 0) & (p <= 1))][0]
        raise RuntimeError(f"bernoulli_: p contains {bad}; every p must lie in [0, 1].")


def _least(x: Array) -> float:
    """The least element; nan if there is one. x.min() takes twice as long."""
    return x.item(x.argmin())  # type: ignore[no-any-return] # of an array of floats


def _most(x: Array) -> float:
    """The largest element; nan if there is one."""
    return x.item(x.argmax())  # type: ignore[no-any-return] # of an array of floats


def multinomial(stream: Stream, weights: Array, count: int, replacement: bool = False) -> Array:
    """`count` indices for every row of weights, drawn with probabilities in proportion to the weights.

    Where weights of 0 have to be drawn too, because the others do not suffice, their order is not torch's.

    Shapes: floating [n] or [rows, n] to int64 [count] or [rows, count]. Range: weights finite and >= 0.
    Raises: RuntimeError for a wrong dtype, number of dimensions, count or weight.
    Source: torch.multinomial.
    """
    _check_multinomial(weights, count, replacement)
    if weights.shape[0] == 0:
        return np.empty((0, count), np.int64)
    if count == 1 or not replacement:
        return _multinomial_race(stream, weights, count)
    out = np.empty((*weights.shape[:-1], count), np.int64)
    with stream.lock, np.errstate(all="ignore"):
        for row, chosen in zip(np.atleast_2d(weights), np.atleast_2d(out), strict=True):
            edges = np.add.accumulate(row, dtype=np.result_type(row, np.float32))
            edges /= edges[-1]
            edges[-1] = 1
            chosen[...] = np.searchsorted(edges.astype(np.float64), unit64(stream, count))
    return out


def _multinomial_race(stream: Stream, weights: Array, count: int) -> Array:
    """The indices with the largest weight / exponential: a clock for each, and the first to ring win."""
    if 0 in weights.strides:  # expanded: torch then draws in the order of the dimensions
        weights = np.ascontiguousarray(weights)
    race = arranged(exponential(stream, weights.size, 1.0, weights.dtype), weights)
    try:
        race = weights / race
    except FloatingPointError:  # NumPy is set to raise
        race = again(np.true_divide, weights, race)
    if count == 1:
        return np.asarray(np.argmax(race, -1, keepdims=True))
    return np.asarray(topk(race, race.ndim - 1, count, True))


def _check_multinomial(weights: Array, count: int, replacement: bool) -> None:
    """Raise RuntimeError for arguments that multinomial does not take."""
    shape, needed = list(weights.shape), ""
    if weights.ndim not in (1, 2):
        needed = f"the weights are {shape}; one or two dimensions are needed"
    elif weights.dtype.char not in FLOATS:
        needed = f"the weights are {weights.dtype}; a floating dtype is needed"
    elif count <= 0:
        needed = f"num_samples is {count}; it must be > 0"
    elif not replacement and count > shape[-1]:
        needed = f"num_samples is {count}; without replacement at most {shape[-1]} can be drawn"
    elif shape[-1] > _MOST_WEIGHTS:
        needed = f"the weights are {shape}; the last size must be <= 2**24"
    elif (shape[-1] == 0 and shape[0] != 0) or shape == [0]:
        needed = f"the weights are {shape}; at least one is needed"
    elif weights.size and not (_least(weights) >= 0 and _most(weights) < math.inf):
        bad = weights[~(np.isfinite(weights) & (weights >= 0))][0]
        needed = f"a weight is {bad}; all must be finite and >= 0"
    elif not (_most(weights) > 0 if weights.ndim == 1 else weights.any(-1).all()):
        needed = "all the weights of a row are 0; their sum must be > 0"
    if needed:
        raise RuntimeError(f"multinomial: {needed}.")


def normal_groups(stream: Stream, n: int, mean: float, std: float, dtype: DType) -> Array:
    """n >= 16 normals, in groups of 16. If the last group is incomplete, the last 16 are made once more.

    torch makes all n uniform numbers first, so it throws away those of the incomplete group; in float16 it
    does not even make them.
    """
    unit, transform = unit32, gaussian.box_muller32
    if dtype.char == "d":
        unit, transform = unit64, gaussian.box_muller64
    rest = n % gaussian.GROUP
    full = n - rest
    out = np.empty(n, dtype)
    with stream.lock, np.errstate(all="ignore"):
        for start in range(0, full, CHUNK):
            stop = min(start + CHUNK, full)
            x = unit(stream, stop - start)
            if rest and stop == full:
                if dtype.char not in NARROW:
                    unit(stream, rest)
                x = np.concatenate((x, unit(stream, gaussian.GROUP)))
            transform(x.reshape(-1, gaussian.GROUP), mean, std)
            out[start:stop] = x[: stop - start]
        if rest:
            out[-gaussian.GROUP :] = x[-gaussian.GROUP :]
    return out


def _normal_pairs(stream: Stream, n: int, dtype: DType = _FLOAT64) -> Array:
    """n >= 1 standard normals in pairs, beginning with the half pair that is pending; in float64 or float32,
    which has a place for each of them. None is -0: torch adds the mean in one step with the product."""
    with stream.lock:
        pending, stream.pending_normal = stream.pending_normal, None
        lacking = n if pending is None else n - 1
        pairs = (lacking + 1) // 2
        normals, first = stream.converted(_pairs, 4, pairs, 2, late=True) or (_made_pairs(stream, pairs), 0)
        last = first + lacking
        if lacking % 2:
            stream.pending_normal = normals.item(last)
    if pending is not None and first and normals.item(first - 1) == pending:
        first, pending = first - 1, None  # mostly it is what lies before them
    if pending is None:
        return normals[first:last].astype(dtype)  # a copy in any case: the stream keeps what it has converted
    out = np.empty(n, dtype)
    out[0] = pending
    out[1:] = normals[first:last]
    return out


def _made_pairs(stream: Stream, pairs: int) -> Array:
    """The next pairs of standard normals. The caller holds the lock. Shapes: float64[2 * pairs]."""
    words = stream.words(4 * pairs)
    if pairs >= _FEW_PAIRS:
        return _pairs(words)
    few: list[float] = []
    numbers = words.tolist()
    for start in range(0, 4 * pairs, 4):
        few += gaussian.box_muller_pair(*numbers[start : start + 4])
    normals = np.array(few)
    normals += _ZERO
    return normals


def _pairs(words: Array) -> Array:
    """Standard normals, a pair from every four words. Shapes: uint32[4 n] to float64[2 n]."""
    normals = gaussian.box_muller_pairs(units64(words))
    normals += _ZERO
    return normals


def _component(dtype: DType) -> DType:
    """The dtype of the real and imaginary parts of a complex dtype."""
    return np.dtype(np.float32 if dtype.char == "F" else np.float64)


nameless(globals())

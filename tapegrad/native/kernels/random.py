"""Random numbers: the Mersenne Twister's blocks by vectors, and what is made of its words.

The stream stays where NumPy's code would leave it: a kernel advances the key in the memory of NumPy's
generator, which stands between two blocks. Words become numbers by the same roundings as in `kernels.random`:
bit for bit the same.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

import tapegrad.kernels.drawing as D
import tapegrad.kernels.generator as W
import tapegrad.kernels.random as R
import tapegrad.kernels.random_integers as N
from tapegrad.kernels.errstate import nameless
from tapegrad.native import call
from tapegrad.native.choice import TYPES, over
from tapegrad.native.ir import F32, F64, I8, I32, I64, PTR, Type, Value, vector
from tapegrad.native.memory import empty
from tapegrad.native.normals import box_muller
from tapegrad.native.target import host

LEAST = 1 << 8  # numbers; of fewer, those that were made of a block of words are handed out
LEAST_WAITS = 32
GRAIN = 1 << 13  # numbers that are worth a thread
_SHIFT, _HIGH_BIT, _REST, _MATRIX = 397, -(2**31), 2**31 - 1, 0x9908B0DF - 2**32
_MASK_B, _MASK_C = 0x9D2C5680 - 2**32, 0xEFC60000 - 2**32
_LANES = 8  # of the loops over numbers, whatever the processor has
_INT32, _INT64 = np.dtype(np.int32), np.dtype(np.int64)

# ---- words


def _twist(f: call.Body, key: Value, low: int, high: int, source: int) -> None:
    """key[i] from its neighbour and key[i + source], for low <= i < high."""
    lanes = host().lanes(F32)
    whole = low + (high - low) // lanes * lanes
    for start, stop, t in ((low, whole, vector(I32, lanes)), (whole, high, I32)):
        with f.loop(start, stop, t.lanes) as i:
            _one(f, key.at(i, I32), key.at(i + 1, I32), key.at(i + source, I32), t)


def _one(f: call.Body, here: Value, behind: Value, far: Value, t: Type) -> None:
    b = f.load(behind, t)
    y = (f.load(here, t) & _HIGH_BIT) | (b & _REST)
    f.store(here, f.load(far, t) ^ f.shifted(y, 1) ^ ((0 - (b & 1)) & _MATRIX))


@cache
def _twister() -> Any:
    """Advance the key at an address and put the tempered words of each block at out."""

    def write(f: call.Body) -> None:
        last, key = W.BLOCK - 1, f.convert(f["address"], PTR)
        t = vector(I32, host().lanes(F32))
        with f.loop(0, f["blocks"]) as block:
            _twist(f, key, 0, W.BLOCK - _SHIFT, _SHIFT)
            _twist(f, key, W.BLOCK - _SHIFT, last, _SHIFT - W.BLOCK)
            _one(f, key.at(last, I32), key, key.at(_SHIFT - 1, I32), I32)
            out = f["out"].at(block * W.BLOCK, I32)
            with f.loop(0, W.BLOCK, t.lanes) as i:
                x = f.load(key.at(i, I32), t)
                x = x ^ f.shifted(x, 11)
                x = x ^ ((x << 7) & _MASK_B)
                x = x ^ ((x << 15) & _MASK_C)
                f.store(out.at(i, I32), x ^ f.shifted(x, 18))

    return call.build("twister", "address:i out:w blocks:i", write)


@cache
def _is_known() -> bool:
    """Whether a generator of NumPy's keeps its key, and the place in it, where its memory begins."""
    engine = np.random.MT19937(1)
    engine.random_raw(5)
    state = engine.state["state"]
    words = (ctypes.c_uint32 * (W.BLOCK + 1)).from_address(engine.ctypes.state_address)
    return np.array_equal(words, np.append(state["key"], np.uint32(state["pos"])))


@over(W.blocks)
def blocks(body: Any, twister: Any, out: Any) -> None:
    """Whole blocks of words."""
    if _is_known():
        _twister()(twister.ctypes.state_address, out, out.size // W.BLOCK)
    else:
        body(twister, out)


# ---- numbers from words


def _unit(f: call.Body, words: Value, wide: bool) -> Value:
    """Eight float32 numbers of a word each, or four float64 numbers of two."""
    w = f.load(words, vector(I32, _LANES))
    if not wide:
        return f.convert(w & 0xFFFFFF, vector(F32, _LANES)) * 2.0**-24
    high, low = (f.shuffle(w, w, range(k, _LANES, 2)) for k in (0, 1))
    t = vector(F64, _LANES // 2)
    rest = f.convert(low ^ _HIGH_BIT, t) + 2.0**31  # it is converted with a sign
    return (f.convert(high & 0x1FFFFF, t) * 2.0**32 + rest) * 2.0**-53


Make = Callable[[call.Body, Value], Value]


def _numbers(name: str, wide: bool, make: Make, result: Type, parameters: str = "") -> Any:
    """A kernel (out, words, n, ...) that makes numbers of uniform ones. Behind the words are eight more."""

    def write(f: call.Body) -> None:
        lanes = _LANES // 2 if wide else _LANES
        first = f.low * _LANES
        spare = f.room(result, lanes)
        with f.loop(first, f.smaller(f.high * _LANES, f["n"]), lanes) as i:
            y = f.convert(
                make(f, _unit(f, f["words"].at(i * (2 if wide else 1), I32), wide)), vector(result, lanes)
            )
            rest = f["n"] - i
            with f.when(rest >= lanes):
                f.store(f["out"].at(i, result), y)
            with f.when(rest < lanes):
                f.store(spare, y)
                f.copy(f["out"].at(i, result), spare, rest * result.bytes)

    return call.build(
        name, f"out:w words:r n:i groups:i {parameters}", write, over="groups", grain=GRAIN // _LANES
    )


def _make(kernel: Any, stream: Any, n: int, wide: bool, dtype: Any, *numbers: float) -> Any:
    out = empty(n, dtype)
    with stream.lock:
        words = stream.words(2 * n if wide else n)
    kernel(out, words, n, -(-n // _LANES), *numbers)
    return out


@cache
def _uniform(t: Type) -> Any:
    def make(f: call.Body, u: Value) -> Value:
        width, first, stop = (f.convert(f[k], t) for k in ("width", "first", "stop"))
        x = f.fma(u, width, first)
        return f.select(x.eq(stop), f.value(first, x.type), x)

    return _numbers(f"uniform_{t}", t is F64, make, t, "width:d first:d stop:d")


@cache
def _unit_kernel(t: Type) -> Any:
    return _numbers(f"unit_{t}", t is F64, lambda f, u: u, t)


@cache
def _bernoulli(result: Type) -> Any:
    def make(f: call.Body, u: Value) -> Value:
        return u < f["p"]

    return _numbers(f"bernoulli_{result}", True, make, result, "p:d")


@over(D.draw)
def draw(body: Any, stream: Any, n: int, dtype: Any, make: Any) -> Any:
    """Uniform numbers in [0, 1)."""
    if n >= LEAST and dtype in TYPES and make is (D.unit64 if dtype.char == "d" else D.unit32):
        return _make(_unit_kernel(TYPES[dtype]), stream, n, dtype.char == "d", dtype)
    return body(stream, n, dtype, make)


@over(R.scaled_uniform)
def scaled_uniform(body: Any, stream: Any, n: int, low: float, high: float, dtype: Any) -> Any:
    """Uniform numbers of a range."""
    if dtype not in TYPES:
        return body(stream, n, low, high, dtype)
    with np.errstate(all="ignore"):
        start, stop = np.array([low, high]).astype(dtype)
    numbers = float(stop - start), float(start), float(stop)
    return _make(_uniform(TYPES[dtype]), stream, n, dtype.char == "d", dtype, *numbers)


@over(R.trials)
def trials(body: Any, stream: Any, n: int, p: float, dtype: Any) -> Any:
    """Ones with a probability."""
    if n < LEAST:
        return body(stream, n, p, dtype)
    t = TYPES.get(dtype, I8)
    y = _make(_bernoulli(t), stream, n, True, dtype if t is not I8 else np.dtype(bool), p)
    return y if y.dtype is dtype else y.astype(dtype)


@cache
def _waits(result: Type) -> Any:
    def make(f: call.Body, u: Value) -> Value:
        y = -u
        for k in range(u.type.lanes):  # the C library's function, to its last bit
            log = f.call("log1p", F64, f.lane(y, k))
            y = f.emit(f"insertelement {y}, {log}, i32 {k}", y.type)
        return y * f["factor"]

    return _numbers(f"waits_{result}", True, make, result, "factor:d")


@over(R.waits)
def waits(body: Any, stream: Any, n: int, factor: float, dtype: Any) -> Any:
    """Exponentially distributed numbers."""
    if n < LEAST_WAITS or dtype not in TYPES:
        return body(stream, n, factor, dtype)
    return _make(_waits(TYPES[dtype]), stream, n, True, dtype, factor)


@cache
def _normals() -> Any:
    """Groups of 16 normals of 16 words each."""

    def write(f: call.Body) -> None:
        t = vector(F32, 8)
        std, mean = (f.splat(f.convert(f[k], F32), 8) for k in ("std", "mean"))
        with f.loop(f.low * 16, f.high * 16, 16) as i:
            words, out = f["words"].at(i, I32), f["out"].at(i, F32)
            x, y = box_muller(f, _unit(f, words, False), _unit(f, words.at(8, I32), False), t)
            f.store(out, f.fma(x, std, mean))
            f.store(out.at(8, F32), f.fma(y, std, mean))

    return call.build(
        "normals", "out:w words:r groups:i std:d mean:d", write, over="groups", grain=GRAIN // 32
    )


@over(R.normal_groups)
def normal_groups(body: Any, stream: Any, n: int, mean: float, std: float, dtype: Any) -> Any:
    """Normal numbers."""
    if dtype.char != "f":
        return body(stream, n, mean, std, dtype)
    rest = n % 16
    out = empty(n, dtype)
    with stream.lock:
        words = stream.words(n)
        last = stream.words(16) if rest else None
    _normals()(out, words, n // 16, float(std), float(mean))
    if rest:
        _normals()(out[-16:], np.ascontiguousarray(last), 1, float(std), float(mean))
    return out


@cache
def _in_range() -> Any:
    """low + words % span, by a division of float64: its quotient is too large by 1 at most."""

    def write(f: call.Body) -> None:
        t, ints = vector(F64, 4), vector(I64, 4)
        span = f.splat(f.convert(f["span"], F64), 4)
        inverse = f.splat(f.value(1.0, F64) / f.convert(f["span"], F64), 4)
        low, spare = f.splat(f["least"], 4), f.room(I64, 4)
        with f.loop(f.low * 4, f.smaller(f.high * 4, f["n"]), 4) as i:
            word = f.convert(f.load(f["words"].at(i, I32), vector(I32, 4)) ^ _HIGH_BIT, t) + 2.0**31
            rest = word - f.intrinsic("floor", word * inverse) * span
            rest = f.select(rest < 0.0, rest + span, rest)
            rest = f.select(rest >= span, rest - span, rest)
            y = f.convert(f.convert(rest, vector(I32, 4)), ints) + low
            more = f["n"] - i
            with f.when(more >= 4):
                f.store(f["out"].at(i, I64), y)
            with f.when(more < 4):
                f.store(spare, y)
                f.copy(f["out"].at(i, I64), spare, more * 8)

    return call.build(
        "from_range", "out:w words:r n:i fours:i least:i span:i", write, over="fours", grain=GRAIN // 4
    )


@over(N.from_range)
def from_range(body: Any, stream: Any, n: int, low: int, span: int, divisor: Any, dtype: Any) -> Any:
    """Whole numbers of a range."""
    if n < LEAST or span >= 1 << 28:
        return body(stream, n, low, span, divisor, dtype)
    out = empty(n, _INT64)
    with stream.lock:
        words = stream.words(n)
    _in_range()(out, words, n, -(-n // 4), low, span)
    return out if dtype == out.dtype else out.astype(dtype)


@cache
def _shuffle() -> Any:
    """Swap each place i with i + words[i] % (n - i), in turn."""

    def write(f: call.Body) -> None:
        n, order = f["n"], f["order"]
        with f.loop(0, n) as i:
            f.store(order.at(i, I32), f.convert(i, I32))
        with f.loop(0, n - 1) as i:
            word = f.load(f["words"].at(i, I32), I32)
            left = f.convert(n - i, I32)
            j = i + f.emit(f"zext {f.emit(f'urem {word}, {left.name}', I32)} to i64", I64)
            a, b = f.load(order.at(i, I32), I32), f.load(order.at(j, I32), I32)
            f.store(order.at(i, I32), b)
            f.store(order.at(j, I32), a)

    return call.build("shuffle", "order:w words:r n:i", write)


@over(N.shuffled)
def shuffled(_: Any, words: Any) -> Any:
    """0, ..., n - 1 in random order."""
    order = empty(words.size + 1, _INT32)
    _shuffle()(order, np.ascontiguousarray(words), order.size)
    return order


nameless(globals())

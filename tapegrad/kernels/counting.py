"""Counts: the Poisson and the binomial distribution, value by value, as torch draws them.

Each value takes as many uniform numbers as its rejections need, so that nothing can be drawn at once. Uniform
numbers are made in blocks all the same, and the stream then goes on behind those that were used.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tapegrad.kernels.drawing import unit64
from tapegrad.kernels.generator import Stream

Array = npt.NDArray[Any]
Uniform = Callable[[], float]

_BLOCK = 256  # uniform numbers made at once


class Reader:
    """Uniform and normal numbers one by one. The caller holds the stream's lock, and calls `finish`."""

    def __init__(self, stream: Stream) -> None:
        self.stream, self.ahead, self.pending = stream, stream.clone(), stream.pending_normal
        self.block: list[float] = []
        self.at = self.used = 0

    def next(self) -> float:
        """The next number in [0, 1)."""
        if self.at == len(self.block):
            self.block, self.at = unit64(self.ahead, _BLOCK).tolist(), 0
        x = self.block[self.at]
        self.at += 1
        self.used += 1
        return x

    def normal(self) -> float:
        """The next standard normal number. They are made in pairs, by Box and Muller's method."""
        x, self.pending = self.pending, None
        if x is None:
            angle, u = 2 * math.pi * self.next(), self.next()
            radius = math.sqrt(-2 * math.log1p(-u))
            x, self.pending = radius * math.cos(angle), radius * math.sin(angle)
        return x

    def finish(self) -> None:
        """Let the stream go on behind the numbers that were used."""
        self.stream.words(2 * self.used)
        self.stream.pending_normal = self.pending


def poisson(stream: Stream, rates: Array) -> Array:
    """A count for every rate, in the rates' dtype.

    Shapes: dtype[...] to dtype[...]. Raises: RuntimeError for a negative rate.
    Source: torch.poisson; Hoermann 1993, transformed rejection, for rates of 10 or more.
    """
    if rates.size and not (rates >= 0).all():
        raise RuntimeError(f"poisson: a rate is {rates.min()}; rates must be 0 or more.")
    with stream.lock:
        reader = Reader(stream)
        counts = [_poisson(rate, reader.next) for rate in rates.ravel().tolist()]
        reader.finish()
    return np.array(counts, rates.dtype).reshape(rates.shape)


def _poisson(rate: float, uniform: Uniform) -> float:
    if rate == 0:
        return 0
    if rate == math.inf:
        return rate
    if rate >= 10:
        return _poisson_by_rejection(rate, uniform)
    least, product, count = math.exp(-rate), uniform(), 0
    while product > least:
        product *= uniform()
        count += 1
    return count


def _poisson_by_rejection(rate: float, uniform: Uniform) -> int:
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    alpha = 1.1239 + 1.1328 / (b - 3.4)
    tight = 0.9277 - 3.6224 / (b - 2)
    log_rate = math.log(rate)
    while True:
        u, v = uniform() - 0.5, uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= tight:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        left = math.log(v) + math.log(alpha) - math.log(a / (us * us) + b)
        if left <= -rate + k * log_rate - math.lgamma(k + 1):
            return k


def binomial(stream: Stream, counts: Array, probabilities: Array) -> Array:
    """A number of successes for each count of trials and each probability, in the dtype of counts.

    As in torch, a negative count has no successes, and probabilities outside of [0, 1] are those at its ends.

    Shapes: two arrays of one shape.
    Source: torch.binomial; Hoermann 1993 (BTRS); sums of geometric numbers for few successes.
    """
    with stream.lock:
        reader = Reader(stream)
        pairs = zip(counts.ravel().tolist(), probabilities.ravel().tolist(), strict=True)
        found = [_binomial(n, p, reader.next) for n, p in pairs]
        reader.finish()
    return np.array(found, counts.dtype).reshape(counts.shape)


def _binomial(n: float, p: float, uniform: Uniform) -> float:
    if n <= 0 or p <= 0:
        return 0
    if math.isnan(n) or math.isnan(p):
        return math.nan
    if p >= 1:
        return n
    if p > 0.5:
        return n - _binomial(n, 1 - p, uniform)
    return _binomial_by_rejection(n, p, uniform) if n * p >= 10 else _binomial_by_sums(n, p, uniform)


def _binomial_by_sums(n: float, p: float, uniform: Uniform) -> int:
    log_failure, trials, successes = math.log1p(-p), 0.0, 0
    while True:
        u = uniform()
        trials += math.ceil(math.log(u) / log_failure) if u else math.inf
        if trials > n:
            return successes
        successes += 1


def _binomial_by_rejection(n: float, p: float, uniform: Uniform) -> float:
    deviation = math.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    center, tight = n * p + 0.5, 0.92 - 4.2 / b
    odds, alpha, m = p / (1 - p), (2.83 + 5.1 / b) * deviation, math.floor((n + 1) * p)
    while True:
        u, v = uniform() - 0.5, uniform()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + center)
        if us >= 0.07 and v <= tight:
            return k
        if k < 0 or k > n:
            continue
        bound = (
            (m + 0.5) * math.log((m + 1) / (odds * (n - m + 1)))
            + (n + 1) * math.log((n - m + 1) / (n - k + 1))
            + (k + 0.5) * math.log(odds * (n - k + 1) / (k + 1))
            + sum([_stirling_tail(m), _stirling_tail(n - m), -_stirling_tail(k), -_stirling_tail(n - k)])
        )
        if math.log(v * alpha / (a / (us * us) + b)) <= bound:
            return k


def _tail(k: int) -> float:
    return math.lgamma(k + 1) - ((k + 0.5) * math.log(k + 1) - (k + 1) + 0.5 * math.log(2 * math.pi))


_TAILS = [_tail(k) for k in range(10)]


def _stirling_tail(k: float) -> float:
    """What Stirling's formula for log k! lacks."""
    if k <= 9:
        return _TAILS[int(k)]
    square = (k + 1) * (k + 1)
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)

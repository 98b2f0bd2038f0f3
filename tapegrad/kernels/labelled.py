"""The product of two arrays whose axes have labels: what einsum and tensordot come down to."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.linalg import matmul, mm
from tapegrad.kernels.operators import mul

Labels = tuple[int, ...]


@lru_cache(1024)
def _plan(la: Labels, lb: Labels, lo: Labels) -> tuple[Any, ...]:
    """How a and b become stacks of matrices, and how their product becomes the result: (a's order, b's order,
    how many labels both share with the result, how many are a's alone, how many are summed over, the order of
    the result). An order that changes nothing is None."""
    shared = tuple([x for x in lo if x in la and x in lb])
    first = tuple([x for x in lo if x in la and x not in lb])
    second = tuple([x for x in lo if x in lb and x not in la])
    summed = tuple([x for x in la if x in lb and x not in lo])

    def order(have: Labels, want: Labels) -> Any:
        return None if have == want else tuple([have.index(x) for x in want])

    return (
        order(la, shared + first + summed),
        order(lb, shared + summed + second),
        len(shared),
        len(first),
        len(summed),
        order(shared + first + second, lo),
    )


def contract(a: Any, b: Any, la: Labels, lb: Labels, lo: Labels) -> Any:
    """The sum of products over all labels that `lo` lacks: each of those is in both la and lb; each of lo is
    in one of them at least; none is twice in one."""
    to_a, to_b, shared, first, summed, to_out = _plan(la, lb, lo)
    if to_a is not None:
        a = a.transpose(to_a)
    if to_b is not None:
        b = b.transpose(to_b)
    if not summed:
        y = _outer(a, b, shared, first)
    elif shared:
        y = _stacked(a, b, shared, first, summed)
    elif a.ndim <= 2 and b.ndim <= 2 and summed == 1 and b.ndim == 1 + (len(lo) > first):
        y = matmul(a, b)
    else:
        lead, k, rest = a.shape[:first], prod(a.shape[first:]), b.shape[summed:]
        y = mm(a.reshape(prod(lead), k), b.reshape(k, prod(rest))).reshape(lead + rest)
    return y if to_out is None else y.transpose(to_out)


def _outer(a: Any, b: Any, shared: int, first: int) -> Any:
    if a.ndim > shared and b.ndim > shared:
        a = a.reshape(a.shape + (1,) * (b.ndim - shared))
        b = b.reshape(b.shape[:shared] + (1,) * first + b.shape[shared:])
    elif a.ndim > b.ndim:
        b = b.reshape(b.shape + (1,) * (a.ndim - shared))
    elif b.ndim > a.ndim:
        a = a.reshape(a.shape + (1,) * (b.ndim - shared))
    return mul(a, b)


def dots(a: Any, b: Any) -> Any:
    """The sums of products along the last axis, of floats."""
    return np.vecdot(a, b)


def _stacked(a: Any, b: Any, shared: int, first: int, summed: int) -> Any:
    lead, mine, rest = a.shape[:shared], a.shape[shared : shared + first], b.shape[shared + summed :]
    k = prod(a.shape[shared + first :])
    if not first and not rest and a.dtype.kind == "f":
        return dots(a.reshape(*lead, k), b.reshape(*lead, k))
    x, y = a.reshape(*lead, prod(mine), k), b.reshape(*lead, k, prod(rest))
    return matmul(x, y).reshape(lead + mine + rest)


def cross(a: Any, b: Any, dim: int) -> Any:
    """The cross product along an axis of 3, counted from the end."""
    one, two = [1, 2, 0], [2, 0, 1]
    y = a.take(one, dim) * b.take(two, dim)
    y -= a.take(two, dim) * b.take(one, dim)
    return y


nameless(globals())

"""The samples that ops of one kind share: shapes, broadcasts, layouts, dtypes, values at the edge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tapegrad.testing.samples.base import Array, Call, call, kink

FLOATS = ("float32", "float64")
INTEGERS = ("int64", "int32", "uint8")
DTYPES = (*FLOATS, *INTEGERS, "bool")

# How the elements of an argument lie in memory: in order; with reversed strides; two steps apart; one element
# repeated along the first dimension; not at the start of its memory; as an operation returns it (inside
# tapegrad a 0-d result has no memory of its own).
LAYOUTS = ("plain", "transposed", "strided", "expanded", "offset", "computed")

# Sizes on both sides of 16 elements, where the engine goes from keeping all values to keeping what is read.
SHAPES = ((), (1,), (3,), (2, 3), (4, 5), (2, 3, 4), (0,), (2, 0, 3))
PAIRS = (
    ((), ()),
    ((3,), (3,)),
    ((2, 3), (2, 3)),
    ((4, 5), (4, 5)),
    ((3,), ()),
    ((), (3,)),
    ((4, 5), ()),
    ((), (4, 5)),
    ((2, 3), (3,)),
    ((3,), (2, 3)),
    ((4, 5), (4, 1)),
    ((1, 5), (4, 5)),
    ((2, 1), (1, 3)),
    ((2, 1, 4), (3, 1)),
    ((1,), (1, 1, 1)),
    ((0,), (0,)),
    ((0,), (1,)),
    ((1,), (2, 0)),
)
NUMBERS = (2, -3, 0, 2.5, -0.0, True, False)


def edges(dtype: str) -> Any:
    """Values at the edges of a floating point dtype: what is not finite, the zeros, the extremes, ties."""
    info = np.finfo(dtype)
    few = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.0, 100.0, -100.0]
    extremes = [info.max, info.min, info.tiny, info.smallest_subnormal, -info.smallest_subnormal, info.eps]
    return np.array([*few, *extremes], dtype)


def edge(dtype: str = "float32") -> Array:
    """All edges as one argument."""
    e = edges(dtype)
    return Array(e.shape, dtype, values=e)


def edge_pair(dtype: str = "float32") -> tuple[Array, Array]:
    """Every pair of edges as two arguments."""
    x, y = (a.reshape(-1) for a in np.meshgrid(edges(dtype), edges(dtype)))
    return Array(x.shape, dtype, values=x), Array(y.shape, dtype, values=y)


def laid_out(shape: tuple[int, ...] = (4, 5), **kwargs: Any) -> Iterator[Array]:
    """An argument in every layout, and 0-d ones that were computed."""
    for layout in LAYOUTS[1:]:
        yield Array(shape, layout=layout, **kwargs)
    yield Array((2, 3), layout="transposed", **kwargs)
    yield Array((), layout="computed", **kwargs)


def one(low: int = -2, high: int = 2, *, dtypes: Sequence[str] = DTYPES, half: bool = True) -> list[Call]:
    """Calls of an op on one tensor: shapes, layouts, dtypes, edges."""
    bounds: dict[str, Any] = {"low": low, "high": high}
    calls = [call(Array(shape, **bounds)) for shape in SHAPES]
    calls += [call(a) for a in laid_out(**bounds)]
    for dtype in (*dtypes, *(("float16",) if half else ())):
        calls += [call(Array(shape, dtype, **bounds)) for shape in ((4, 5), (3,), (), (0,))]
    return calls + [kink(edge(dtype)) for dtype in FLOATS]


def two(
    low: int = -2,
    high: int = 2,
    *,
    dtypes: Sequence[str] = DTYPES,
    numbers: Sequence[Any] = NUMBERS,
    half: bool = True,
    extremes: bool = True,
) -> list[Call]:
    """Calls of an op on two tensors, or a tensor and a number on either side.

    half: also with float16. extremes: also every pair of values at the edge.
    """
    bounds: dict[str, Any] = {"low": low, "high": high}
    plain = {**bounds, "dtype": dtypes[0]}
    calls = [call(Array(a, **plain), Array(b, **plain)) for a, b in PAIRS]
    for a in laid_out(**plain):
        calls += [call(a, Array(a.shape, **plain)), call(Array(a.shape, **plain), a)]
        calls += [call(Array((4, 5), **plain), Array((5,), layout="strided", **plain))]
    dtypes = (*dtypes, "float16") if half else dtypes
    for x in dtypes:
        for y in dtypes:
            for s, t in (((3,), (3,)), ((3,), ()), ((), (3,))):
                calls.append(call(Array(s, x, **bounds), Array(t, y, **bounds)))
    for dtype in dtypes:
        arrays = [Array(s, dtype, **bounds) for s in (((3,), (4, 5), ()) if dtype in FLOATS else ((3,),))]
        calls += [kink(*pair) for a in arrays for n in numbers for pair in ((a, n), (n, a))]
    return calls + [kink(*edge_pair(dtype)) for dtype in FLOATS if extremes and dtype in dtypes]

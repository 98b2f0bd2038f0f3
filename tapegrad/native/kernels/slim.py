"""Products whose result has few columns or few rows: the heads of networks, and back to their weights.

With few columns, of b, each number is an inner product of two rows in memory; the sums of several are joined
in one vector. With few rows, of a, the rows of b are summed, each as often as a's numbers say, by parts of
which each is one thread's; the parts do not depend on how many threads there are. BLAS takes two to five
times as long.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.native.call import Body, build
from tapegrad.native.ir import I64, Type, Value
from tapegrad.native.memory import empty
from tapegrad.native.strips import strip, sweep
from tapegrad.native.target import host

# Of the result; with one of either BLAS is as fast.
MOST_COLUMNS, MOST_ROWS = 12, 8
LEAST = 1 << 14  # elements of the other factor; below, BLAS's call takes less time (AMD Zen 5)
_WORK = 1 << 16  # multiplications that are worth a thread
_PART, _PARTS = 1 << 10, 64  # rows of b that are summed by one thread, at least; parts, at most


def _at_once(t: Type, n: int) -> int:
    """Rows of a whose products with n columns are in registers: in one vector when they are joined."""
    return max(1, min(host().lanes(t), host().registers // 2) // n)


@cache
def _columns(t: Type, n: int) -> Any:
    """y [m, n] = a [m, k] b [n, k]^T + c [n]; the rows of a are `down` apart. Units are some rows."""
    wide, many = host().wide(t), _at_once(t, n)

    def write(f: Body) -> None:
        m, k = f["m"], f["k"]
        lines = [f["b"].at(k * j, t) for j in range(n)]
        bias = f.load(f["c"], wide, f.first(f.value(n, I64), wide))
        bias = f.shuffle(bias, bias, [i % n for i in range(wide.lanes)])
        with f.loop(f.low, f.high) as unit:
            first = unit * many
            rows = [f["a"].at(f.smaller(first + r, m - 1) * f["down"], t) for r in range(many)]

            def step(i: Value, mask: Any, held: list[Value]) -> list[Value]:
                bs = [f.load(line.at(i, t), wide, mask) for line in lines]
                xs = [f.load(row.at(i, t), wide, mask) for row in rows]
                pairs = [(x, b) for x in xs for b in bs]
                return [f.fma(x, b, total) for (x, b), total in zip(pairs, held, strict=True)]

            totals = sweep(f, 0, k, wide, step, [0.0] * (many * n), ways=1)
            y = f.totals([total for (total,) in totals])
            mask = f.first(f.smaller(m - first, many) * n, wide)
            f.store(f["y"].at(first * n, t), y + bias, mask)

    parameters = "y:w a:r b:r c:r units:i grain:i m:i k:i down:i"
    return build(f"few_columns_{n}_{t}", parameters, write, over="units", grain="grain")


@cache
def _rows(t: Type, m: int) -> Any:
    """y [parts, m, n], of a part of k each, which sum up to a [m, k] b [k, n]; b's rows are `below` apart."""
    wide = host().wide(t)
    ways = max(1, min(8, (host().registers - 1) // (m + 1)))

    def write(f: Body) -> None:
        n = f["n"]
        with f.loop(f.low, f.high) as part:
            first = part * f["length"]
            end = f.smaller(first + f["length"], f["k"])

            def work(column: Value, many: int, mask: Any) -> None:
                sums = [[f.variable(0.0, wide) for _ in range(many)] for _ in range(m)]
                with f.loop(first, end) as i:
                    source = f["b"].at(i * f["below"] + column, t)
                    bs = [f.load(source.at(v * wide.lanes, t), wide, mask) for v in range(many)]
                    for j, line in enumerate(sums):
                        x = f.splat(f.load(f["a"].at(i * f["right"] + f["down"] * j, t), t), wide.lanes)
                        for total, b in zip(line, bs, strict=True):
                            total.set(f.fma(x, b, total.get()))
                for j, line in enumerate(sums):
                    to = f["y"].at((part * m + j) * n + column, t)
                    for v, total in enumerate(line):
                        f.store(to.at(v * wide.lanes, t), total.get(), mask)

            with f.loop(0, n, ways * wide.lanes) as low:
                strip(f, low, n, wide, work, ways)

    parameters = "y:w a:r b:r parts:i grain:i k:i n:i length:i down:i right:i below:i"
    return build(f"few_rows_{m}_{t}", parameters, write, over="parts", grain="grain")


def is_slim(m: int, k: int, n: int, t: Type) -> bool:
    """Whether a result has few columns, or few rows. (Those of a row are joined in one vector.)"""
    few = 1 < n <= min(MOST_COLUMNS, host().lanes(t)) and m * k >= LEAST
    return few or (1 < m <= MOST_ROWS and k * n >= LEAST)


def multiply_slim(t: Type, y: Any, a: Any, b: Any, c: Any) -> bool:
    """y = a b + c (or a b), if both lie for it; y and c are contiguous."""
    (m, k), n, size = a.shape, b.shape[1], a.itemsize
    (down, right), (below, _) = ([s // size for s in x.strides] for x in (a, b))
    if n <= min(MOST_COLUMNS, host().lanes(t)) and right == 1:
        many = _at_once(t, n)
        c, units = np.zeros(n, a.dtype) if c is None else c, -(-m // many)
        columns = np.ascontiguousarray(b.T)
        _columns(t, n)(y, a, columns, c, units, max(1, _WORK // (many * n * k)), m, k, down)
        return True
    if m <= MOST_ROWS and b.strides[1] == size:
        length = max(_PART, -(-k // _PARTS))
        parts = -(-k // length)
        sums = empty((parts, m, n), a.dtype)
        grain = max(1, _WORK // (m * n * length))
        _rows(t, m)(sums, a, b, parts, grain, k, n, length, down, right, below)
        np.add.reduce(sums, 0, out=y)
        if c is not None:
            y += c
        return True
    return False


nameless(globals())

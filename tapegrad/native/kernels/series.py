"""Equally spaced numbers."""

from __future__ import annotations

from functools import cache
from typing import Any

import tapegrad.kernels.arrange as A
from tapegrad.kernels.errstate import nameless
from tapegrad.native import call
from tapegrad.native.choice import TYPES, over
from tapegrad.native.ir import I32, Type, vector
from tapegrad.native.memory import empty
from tapegrad.native.target import host

MOST = 1 << 31  # numbers; they are counted in 32 bits
BLOCK = 1 << 12  # that a thread makes at least


@cache
def _spaced(t: Type) -> Any:
    """a + by i up to the middle of n, from where on it is b - by (n - 1 - i)."""
    wide = host().wide(t)
    count = vector(I32, wide.lanes)

    def write(f: call.Body) -> None:
        a, b, by = (f.splat(f.convert(f[k], t), wide.lanes) for k in ("a", "b", "by"))
        n, half = (f.splat(f.convert(f[k], I32), wide.lanes) for k in ("n", "half"))
        first = f.low * BLOCK
        end = f.smaller(f.high * BLOCK, f["n"])
        with f.loop(first, end, wide.lanes) as i:
            place = f.splat(f.convert(i, I32), wide.lanes) + f.count(count)
            early = place < half
            steps = f.convert(f.select(early, place, place - n + 1), wide)
            y = steps * by + f.select(early, a, b)
            left = end - i
            with f.when(left >= wide.lanes):
                f.store(f["out"].at(i, t), y)
            with f.when(left < wide.lanes):
                f.store(f["out"].at(i, t), y, f.first(left, wide))

    return call.build(f"spaced_{t}", "out:w n:i half:i blocks:i a:d b:d by:d", write, over="blocks", grain=4)


@over(A.spaced)
def spaced(body: Any, a: Any, b: Any, by: Any, n: int, kind: Any) -> Any:
    """n numbers from a to b."""
    t = TYPES.get(kind)
    if t is None or not 0 < n < MOST:
        return body(a, b, by, n, kind)
    out = empty(n, kind)
    _spaced(t)(out, n, n // 2, -(-n // BLOCK), float(a), float(b), float(by))
    return out


nameless(globals())

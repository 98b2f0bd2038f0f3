"""Where many arrays lie: for kernels that take lists of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from tapegrad.native import call, target
from tapegrad.native.choice import DENSE
from tapegrad.native.ir import I32, I64, PTR, Function, Module


@cache
def _write() -> Any:
    """places(int64 array, *arrays): the addresses of the arrays, one after the other."""
    module = Module()
    f = Function("places_py", [("self", PTR), ("args", PTR), ("count", I64)], PTR, internal=False)
    to = f.call("tapegrad_data", PTR, f.load(f["args"], PTR), f.value(DENSE | call.WRITEABLE, I32))
    f.give_if(f.convert(to, I64).eq(0), 0)
    with f.loop(1, f["count"]) as k:
        given = f.load(f["args"].at(k, PTR), PTR)
        data = f.call("tapegrad_data", PTR, given, f.value(DENSE, I32))
        f.give_if(f.convert(data, I64).eq(0), 0)
        f.store(to.at(k - 1, PTR), data)
    f.give(f.call("tapegrad_none", PTR))
    module.add(f)
    (address,) = target.compile("places", module, ["places_py"], call.symbols(module))
    return call.builtin(address, "places")


def places(arrays: Sequence[Any]) -> Any:
    """The addresses of arrays, which must be kept while they are used.

    Raises: ValueError if one is not contiguous and aligned, TypeError if one is none.
    """
    found = np.empty(len(arrays), np.int64)
    _write()(found, *arrays)
    return found


def apart(starts: Any, sizes: Any) -> bool:
    """Whether no two pieces of memory overlap. starts, sizes: in bytes."""
    order = starts.argsort()
    ends = (starts + sizes)[order]
    return bool((ends[:-1] <= starts[order][1:]).all())


class Many:
    """Arrays of one dtype, cut into blocks that are counted through them: threads share the blocks."""

    BLOCK = 1 << 11  # elements
    GRAIN = 4  # blocks that are worth a thread
    PARAMETERS = "places:r firsts:r sizes:r arrays:i blocks:i"

    def __init__(self, places: Any, sizes: Any) -> None:
        self.places, self.sizes = places, sizes
        counts = -(-sizes // self.BLOCK)
        ends = counts.cumsum()
        self.firsts = ends - counts  # the number of each array's first block
        self.blocks = int(ends[-1])

    @property
    def arguments(self) -> tuple[Any, ...]:
        """For a kernel with the PARAMETERS."""
        return self.places, self.firsts, self.sizes, len(self.sizes), self.blocks

    @classmethod
    def of(cls, arrays: Sequence[Any], each: int = 1) -> Many | None:
        """Of arrays, `each` of them of one size; None if one is not contiguous, or no plain array."""
        try:
            found = places(arrays)
        except (ValueError, TypeError):
            return None
        return cls(found, np.array([a.size for a in arrays[::each]]))

    @classmethod
    def loop(cls, f: call.Body, write: Any, each: bool = False) -> None:
        """In a kernel: write(number, low, high) for the elements of each array that are its part of the
        work; with `each`, block by block."""
        with f.loop(0, f["arrays"]) as k:
            first, n = f.load(f["firsts"].at(k, I64), I64), f.load(f["sizes"].at(k, I64), I64)
            low = f.larger(f.low - first, 0) * cls.BLOCK
            high = f.smaller((f.high - first) * cls.BLOCK, n)
            if each:
                with f.loop(low, high, cls.BLOCK) as i:
                    write(k, i, f.smaller(i + cls.BLOCK, high))
            else:
                with f.when(low < high):
                    write(k, low, high)

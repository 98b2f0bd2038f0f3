"""Where many arrays lie: for kernels that take lists of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from tapegrad.native import call, target
from tapegrad.native.choice import DENSE
from tapegrad.native.ir import I32, I64, PTR, Function, Module, Value

_I8 = np.dtype(np.int64)
_FEW = 64  # arrays, of which each is compared with each


@cache
def _survey() -> Any:
    """survey(table, each, itemsize, *arrays): the table of int64 gets the addresses of the arrays; and of the
    first each-th part of them their sizes, which are those of the others again, and the numbers of their
    first blocks. What it returns is the number of all blocks times 4, and 1 more than whether no two arrays
    overlap: 1 or 0, or -1 for more than a few."""
    module = Module()
    f = Function("survey_py", [("self", PTR), ("args", PTR), ("count", I64)], PTR, internal=False)
    to = f.call("tapegrad_data", PTR, f.load(f["args"], PTR), f.value(DENSE | call.WRITEABLE, I32))
    f.give_if(f.convert(to, I64).eq(0), 0)
    each, itemsize = (f.call("PyLong_AsLongLong", I64, f.load(f["args"].at(k, PTR), PTR)) for k in (1, 2))
    n = f["count"] - 3
    m = n // each
    sizes, firsts = to.at(n, I64), to.at(n + m, I64)
    blocks, apart = f.variable(f.value(0, I64)), f.variable(f.value(1, I64))
    with f.loop(0, n) as k:
        given = f.load(f["args"].at(k + 3, PTR), PTR)
        data = f.call("tapegrad_data", PTR, given, f.value(DENSE, I32))
        f.give_if(f.convert(data, I64).eq(0), 0)
        f.store(to.at(k, I64), f.convert(data, I64))
        with f.when(k < m):
            size = elements(f, given)
            f.store(sizes.at(k, I64), size)
            f.store(firsts.at(k, I64), blocks.get())
            blocks.set(blocks.get() + (size + (Many.BLOCK - 1)) // Many.BLOCK)
    with f.loop(0, f.smaller(n, _FEW)) as i, f.loop(0, i) as j:
        a, b = (f.load(to.at(k, I64), I64) for k in (i, j))
        c, d = (x + f.load(sizes.at(k % m, I64), I64) * itemsize for x, k in ((a, i), (b, j)))
        apart.set(f.select((a < d) & (b < c), f.value(0, I64), apart.get()))
    code = f.select(n > _FEW, f.value(0, I64), apart.get() + 1)
    f.give(f.call("PyLong_FromLongLong", PTR, blocks.get() * 4 + code))
    module.add(f)
    (address,) = target.compile("survey", module, ["survey_py"], call.symbols(module))
    return call.builtin(address, "survey")


def elements(f: Function, array: Value) -> Value:
    """How many elements an array has, in a function that is given it."""
    n = f.variable(f.value(1, I64))
    n.set(1)
    shape = f.load(array.at(call.DIMENSIONS // 8, I64), PTR)
    with f.loop(0, f.convert(f.load(array.at(call.NDIM // 4, I32), I32), I64)) as k:
        n.set(n.get() * f.load(shape.at(k, I64), I64))
    return n.get()


class Many:
    """Arrays of one dtype, cut into blocks that are counted through them: threads share the blocks. The
    arrays must be kept while this is used."""

    BLOCK = 1 << 11  # elements
    GRAIN = 4  # blocks that are worth a thread
    PARAMETERS = "table:r arrays:i blocks:i"

    __slots__ = ("_apart", "_each", "_itemsize", "blocks", "count", "table")

    def __init__(self, arrays: Sequence[Any], each: int, itemsize: int) -> None:
        n = len(arrays)
        self.count, self._each, self._itemsize = n // each, each, itemsize
        self.table = np.empty(n + 2 * self.count, _I8)
        code = _survey()(self.table, each, itemsize, *arrays)
        self.blocks, self._apart = code >> 2, (code & 3) - 1

    @property
    def arguments(self) -> tuple[Any, ...]:
        """For a kernel with the PARAMETERS."""
        return self.table, self.count, self.blocks

    @property
    def places(self) -> Any:
        """The arrays' addresses."""
        return self.table[: -2 * self.count]

    @property
    def sizes(self) -> Any:
        """How many elements each has (each of them that are of one size)."""
        return self.table[-2 * self.count : -self.count]

    @property
    def firsts(self) -> Any:
        """The numbers of their first blocks."""
        return self.table[-self.count :]

    @classmethod
    def of(cls, arrays: Sequence[Any], each: int = 1) -> Many | None:
        """Of arrays, `each` of them of one size: the first of all such, the second of all, and so on. None if
        one is not contiguous, or no plain array."""
        try:
            return cls(arrays, each, arrays[0].itemsize)
        except (ValueError, TypeError):
            return None

    def apart(self) -> bool:
        """Whether no two arrays overlap."""
        if self._apart >= 0:
            return bool(self._apart)
        order = self.places.argsort()
        starts = self.places[order]
        ends = starts + np.tile(self.sizes, self._each)[order] * self._itemsize
        return bool((ends[:-1] <= starts[1:]).all())

    @classmethod
    def loop(cls, f: call.Body, write: Any, each: int = 1, blocks: bool = False) -> None:
        """In a kernel, of arrays of which `each` are of one size: write(number, low, high) for the elements
        of each array that are its part of the work; with `blocks`, block by block."""
        sizes = f["table"].at(f["arrays"] * each, I64)
        firsts = sizes.at(f["arrays"], I64)
        with f.loop(0, f["arrays"]) as k:
            first, n = f.load(firsts.at(k, I64), I64), f.load(sizes.at(k, I64), I64)
            low = f.larger(f.low - first, 0) * cls.BLOCK
            high = f.smaller((f.high - first) * cls.BLOCK, n)
            if blocks:
                with f.loop(low, high, cls.BLOCK) as i:
                    write(k, i, f.smaller(i + cls.BLOCK, high))
            else:
                with f.when(low < high):
                    write(k, low, high)

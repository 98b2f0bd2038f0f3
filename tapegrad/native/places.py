"""Where many arrays lie: for kernels that take lists of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from tapegrad.native import call, target
from tapegrad.native.ir import I32, I64, PTR, Function, Module


@cache
def _write() -> Any:
    """places(int64 array, *arrays): the addresses of the arrays, one after the other."""
    module = Module()
    f = Function("places_py", [("self", PTR), ("args", PTR), ("count", I64)], PTR, internal=False)
    plain = call.C_CONTIGUOUS | call.ALIGNED
    to = f.call("tapegrad_data", PTR, f.load(f["args"], PTR), f.value(plain | call.WRITEABLE, I32))
    f.give_if(f.convert(to, I64).eq(0), 0)
    with f.loop(1, f["count"]) as k:
        given = f.load(f["args"].at(k, PTR), PTR)
        data = f.call("tapegrad_data", PTR, given, f.value(plain, I32))
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

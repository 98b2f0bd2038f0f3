"""Views that repeat: what each backward of a sum makes, and `expand`.

From Python a view by strides takes half a microsecond: to ask for the shape and the strides, to find the
new ones, to have NumPy check them against the memory. Here one function looks at the array itself. It takes
any dtype and any strides, for it reads no element.
"""

from __future__ import annotations

import numpy as np

import tapegrad.kernels.shape as S
from tapegrad.native import call
from tapegrad.native.direct import argument, direct, is_a
from tapegrad.native.ir import I32, I64, PTR, VOID, Function, Value
from tapegrad.native.small import item, ndim_of

_AXES = 32  # at most
_OWN = 0x4  # of an array's flags.num: the memory is its own
_ARRAY, _TUPLE, _INT = range(3)  # what it is bound to
_ITEMS = tuple.__basicsize__ // 8  # words before a tuple's items


def _size(f: Function, x: Value, otherwise: str) -> Value:
    """The number that an int is, if it can be a size."""
    f.leave(otherwise, ~is_a(f, x, _INT))
    n: Value = f.call("PyLong_AsLongLong", I64, x)
    with f.when(n < 0):  # or too large, with an error set
        f.call("PyErr_Clear", VOID)
    f.leave(otherwise, n < 0)
    return n


def _owner(f: Function, x: Value) -> Value:
    """x, or the array that it is a view of: views of views of ... would be freed one inside another."""
    owner = f.variable(x)
    with f.when((f.load(x.at(call.FLAGS // 4, I32), I32) & _OWN).eq(0)):
        base = f.load(x.at(call.BASE // 8, I64), PTR)
        with f.when(f.convert(base, I64).ne(0)), f.when(is_a(f, base, _ARRAY)):
            owner.set(base)
    return owner.get()


@direct(S.broadcast, lambda: (np.ndarray, tuple, int))
def broadcast(f: Function, otherwise: str) -> None:
    """x in a shape, as a view that cannot be written."""
    sizes, steps = f.room(I64, _AXES), f.room(I64, _AXES)
    x, shape = argument(f, 0), argument(f, 1)
    f.leave(otherwise, ~is_a(f, x, _ARRAY) | ~is_a(f, shape, _TUPLE))
    axes = f.load(shape.at(_ITEMS - 1, I64), I64)
    lead = axes - ndim_of(f, x)
    f.leave(otherwise, (lead < 0) | (axes > _AXES))
    own, strides = (f.load(x.at(k // 8, I64), PTR) for k in (call.DIMENSIONS, call.STRIDES))
    with f.loop(0, axes) as k:
        n = _size(f, f.load(shape.at(k + _ITEMS, PTR), PTR), otherwise)
        f.store(sizes.at(k, I64), n)
        f.store(steps.at(k, I64), f.value(0, I64))
        with f.when(k >= lead):
            have = f.load(own.at(k - lead, I64), I64)
            f.leave(otherwise, have.ne(n) & have.ne(1))
            step = f.load(strides.at(k - lead, I64), I64)
            f.store(steps.at(k, I64), f.select(have.eq(n), step, f.value(0, I64)))
    f.call("tapegrad_count", I64, f.value(1, I64))
    kind, data = (f.load(x.at(k // 8, I64), PTR) for k in (call.DESCR, call.DATA))
    f.call("Py_IncRef", VOID, kind)
    given = (item(f, _ARRAY), kind, f.convert(axes, I32), sizes, steps, data)
    y = f.call(
        "tapegrad_new_array", PTR, *given, f.value(0, I32), f.value(0, PTR)
    )  # no flag: not to be written
    f.give_if(f.convert(y, I64).eq(0), 0)
    owner = _owner(f, x)
    f.call("Py_IncRef", VOID, owner)
    f.store(y.at(call.BASE // 8, I64), owner)
    f.give(y)

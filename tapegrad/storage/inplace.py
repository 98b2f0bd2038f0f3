"""In-place writes inside transforms.

A write changes the memory under the target's storage. A target that lacks a level of the new value (zeros
that were made inside of vmap, written with what differs per entry) gets it first, if it was made inside of
that transform; the views of it follow when they are next used.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import tapegrad.kernels as K
from tapegrad._errors import sizes
from tapegrad._state import grad_enabled, watch
from tapegrad.define.base import OPS, run
from tapegrad.domains import STORED
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.memory import buffer_of
from tapegrad.levels import Level, Storage, arrays_of
from tapegrad.storage.batched import Batched, put
from tapegrad.storage.dual import Dual, zeros
from tapegrad.tensor import Tensor
from tapegrad.views import adopt, base_of, covered, follow, is_part, path_of
from tapegrad.writes import tick, wrote_all


def assign(t: Tensor, r: Tensor) -> Tensor:
    """Make t hold r's values and r's node, where one of them holds a storage.

    Raises: RuntimeError before anything changes, if t was made outside of a transform in which r has values
    of its own, or has a history outside of it.
    """
    value, n = r._a, r._node
    if grad_enabled():
        _check_history(t)
    part = is_part(t)
    if not part:
        _check_pattern(t)
    _widen(t, value)
    _make_writable(t)
    if n is not None and type(n.saved) is tuple:
        buffers = {id(buffer_of(a)) for a in arrays_of(t._a) if isinstance(a, np.ndarray)}
        n.saved = tuple([_apart(s, buffers) for s in n.saved])
    target = t._a if part else base_of(t)._a
    put(target, value if part else _with_pattern(target, value, t))
    wrote_all(arrays_of(target))
    again(t)
    if n is not None:
        n.seq = tick()
        adopt(t, n)
    return t


def _apart(s: Any, buffers: set[int]) -> Any:
    """s, or a copy if it lies in one of these buffers."""
    if any(id(buffer_of(a)) in buffers for a in arrays_of(s) if isinstance(a, np.ndarray)):
        return s.copy()
    return s


def _check_history(t: Tensor) -> None:
    """An argument of a transform shares its memory with the caller's tensor, whose graph would not know."""
    n = base_of(t)._node
    if n is not None and n.op is not None and n.op.kind == "border" and n.parents[0] is not None:
        raise RuntimeError(
            f"in-place: this Tensor{sizes(t._a.shape)} is an argument of a transform and has a graph outside "
            "of it; clone() it first."
        )


def _check_pattern(t: Tensor) -> None:
    """Raises: RuntimeError if a view by strides shows elements of its base twice, or none."""
    shown = np.ones(t._a.shape, np.int64)
    for op, outer, args in reversed(path_of(t)):
        (shown,) = op.vjp(K, shown, (), (outer, args), (None,))
    if shown.sum() != t._a.size or shown.max(initial=0) > 1:
        raise RuntimeError(
            f"in-place: this Tensor{sizes(t._a.shape)} is a view by strides whose elements share one place "
            "in memory, or lie beside its base; clone() it first."
        )


def _with_pattern(base: Any, value: Any, t: Tensor) -> Any:
    """The base's value with t's elements replaced. Inside a transform a pattern in memory is no view."""
    F, path = STORED.F, path_of(t)
    shape = t._a.shape
    new = value if value.shape == shape else run(OPS["expand"], (value,), (shape,))
    for op, outer, args in reversed(path):
        (new,) = op.vjp(F, new, (), (outer, args), (None,))
    return F.where(covered(path, np.ones(shape, bool))[0], new, base)


def levels_of(x: Any) -> list[Level]:
    """The levels of a storage; none of an array."""
    return x.levels() if isinstance(x, Storage) else []


def _widen(t: Tensor, value: Any) -> None:
    """Give t, and the tensor that it is a view of, the levels of the value."""
    base = base_of(t)
    missing = [level for level in levels_of(value) if not _has(base._a, level)]
    for level in missing:
        if not isinstance(base._a, Storage) and not any(
            born.born.get(id(base)) is base for born in watch().levels if born.id >= level.id
        ):
            raise RuntimeError(
                f"in-place: the new value differs per vmap entry (or has a tangent), and the target, a "
                f"Tensor{sizes(base._a.shape)} that was made outside of the transform, holds one value; use "
                "the out-of-place op, or make the target inside."
            )
    for level in missing:
        base._a = _with(base._a, level)
    if missing:
        again(t)


def _has(x: Any, level: Level) -> bool:
    """Whether every part of x has a value of its own per entry, or a tangent, of a level."""
    if isinstance(x, Batched):
        return x.level is level or _has(x.raw, level)
    return isinstance(x, Dual) and (x.level is level or (_has(x.primal, level) and _has(x.tangent, level)))


def _with(x: Any, level: Level) -> Any:
    """x as a storage that has the level, in memory of its own where it had not."""
    if _has(x, level):
        return x
    if isinstance(x, Batched) and x.level.id > level.id:
        return Batched(x.level, _with(x.raw, level))
    if isinstance(x, Dual) and x.level.id > level.id:
        return Dual(x.level, _with(x.primal, level), _with(x.tangent, level))
    if level.size is None:
        return Dual(level, np.array(x) if isinstance(x, np.generic) else x, zeros(x))
    return Batched(level, run(OPS["clone"], (run(OPS["expand"], (x,), ((level.size, *x.shape),)),)))


def again(t: Tensor) -> None:
    """A view's storage, derived anew from its base's."""
    if t is not base_of(t):
        t._a = follow(STORED.F, base_of(t)._a, path_of(t))


def _make_writable(t: Tensor) -> None:
    """Memory of its own for a storage whose memory repeats elements or belongs to nobody (a constant)."""
    base = base_of(t)
    shown = t if is_part(t) else base
    if all(getattr(a, "flags", None) is not None and a.flags.writeable for a in arrays_of(shown._a)):
        return
    base._a = _copied(base._a)
    again(t)


def _copied(x: Any) -> Any:
    if isinstance(x, Batched):
        return Batched(x.level, _copied(x.raw))
    if isinstance(x, Dual):
        return Dual(x.level, _copied(x.primal), _copied(x.tangent))
    return np.array(x)


def bind() -> None:
    """Set what views.py calls."""
    Level.assign, Level.again = staticmethod(assign), staticmethod(again)


nameless(globals())

"""The ops at a level's border. They are linear and come in adjoint pairs:

    enter   <-> leave          a tensor's axis becomes the batch, and back
    dual    <-> (tangent, primal)  two tensors become one, and back
    cross   <-> tangent or drop    a value of outside is used inside: a constant of the level

A level is a commutative algebra over arrays in which every rule of the tape holds: R^n for a batch, R[e] with
e * e = 0 for tangents. `drop` is its trace: the sum over the batch, or the part at e. So a cotangent inside a
level of tangents is swapped, Dual(cotangent of the tangent, cotangent of the primal).

A border op may meet values under storages of younger levels, whose batch axes lie in front of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tapegrad._state import watch
from tapegrad.define.base import OPS, careful, define, run
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Level, Storage
from tapegrad.storage.batched import Batched
from tapegrad.storage.dual import Dual, zeros
from tapegrad.tape import CROSS, InnerNode, Node, cross_node, crossed
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import fresh

At = Callable[[Any, int], Any]


def _at(level: Level, x: Any, here: At, absent: At, k: int = 0) -> Any:
    """here(part, k) where x has the level, absent(x, k) where it lacks it, below k batch axes of younger
    ones."""
    if not isinstance(x, Storage) or x.level.id < level.id:
        return absent(x, k)
    if x.level is level:
        return here(x, k)
    if isinstance(x, Dual):
        p, t = _at(level, x.primal, here, absent, k), _at(level, x.tangent, here, absent, k)
        return Dual(x.level, p, t)
    assert isinstance(x, Batched)
    return Batched(x.level, _at(level, x.raw, here, absent, k + 1))


def _moved(x: Any, source: int, target: int) -> Any:
    if source == target:
        return x
    order = [i for i in range(x.ndim) if i != source]
    order.insert(target, source)
    return run(OPS["permute"], (x,), (tuple(order),))


def _spread(x: Any, k: int, n: int | None) -> Any:
    shape = x.shape
    wide = run(OPS["unsafe_view"], (x,), ((*shape[:k], 1, *shape[k:]),))
    return run(OPS["expand"], (wide,), ((*shape[:k], n, *shape[k:]),))


def _enter(x: Any, level: Level, axis: int) -> Any:
    return _at(level, x, _unreachable, lambda v, k: Batched(level, _moved(v, k + axis, 0)))


def _unreachable(x: Any, k: int) -> Any:
    raise AssertionError("a value enters a level that it is in")


def _leave(x: Any, level: Level, axis: int) -> Any:
    return _at(
        level,
        x,
        lambda v, k: _moved(v.raw, 0, k + axis),
        lambda v, k: _spread(v, k + axis, level.size),
    )


def _drop(x: Any, level: Level) -> Any:
    """The trace; a cotangent that lacks the level is the same for every entry (n times), or has no part
    at e."""
    if level.size is None:
        return _at(level, x, lambda v, k: v.tangent, lambda v, k: zeros(v))
    n = level.size
    return _at(
        level, x, lambda v, k: run(OPS["sum.dim"], (v.raw,), ((0,), False)), lambda v, k: v * v.dtype.type(n)
    )


def _primal(x: Any, level: Level) -> Any:
    return _at(level, x, lambda v, k: v.primal, lambda v, k: v)


def _dual(p: Any, t: Any, level: Level) -> Any:
    return Dual(level, p, t)


def _border(key: str, kernel: Any, vjp: Any) -> Any:
    op = define(key, "border", kernel, linear=True)
    op.vjp = vjp
    op.call = lambda *given: careful(
        op,
        [x for x in given if isinstance(x, Tensor)],
        tuple([x for x in given if not isinstance(x, Tensor)]),
    )
    return op


LEAVE = _border("leave", _leave, lambda F, g, s, m, need: (F.apply(ENTER, g, *m),))
ENTER: Any = _border("enter", _enter, lambda F, g, s, m, need: (F.apply(LEAVE, g, *m),))
DROP = _border("drop", _drop, lambda F, g, s, m, need: (_crossed(F, g, m[0]),))
PRIMAL = _border("primal", _primal, lambda F, g, s, m, need: (at_primal(F, g, m[0]),))
DUAL = _border("dual", _dual, lambda F, g, s, m, need: (F.apply(DROP, g, m[0]), F.apply(PRIMAL, g, m[0])))
# The cotangent of a primal is the part at e: e times it.
_EPSILON = _border(
    "epsilon",
    lambda x, level: _at(level, x, _unreachable, lambda v, k: Dual(level, zeros(v), v)),
    lambda F, g, s, m, need: (F.apply(PRIMAL, g, m[0]),),
)
CROSS.vjp = lambda F, g, s, m, need: (F.apply(DROP, g, m[0]),)
CROSS.replay = lambda m, xs: xs[0]


def at_primal(F: Any, g: Any, level: Level) -> Any:
    """e * g: the cotangent, inside a level of tangents, of a primal whose cotangent is g."""
    return _within(F, F.apply(_EPSILON, g, level), level)


def _crossed(F: Any, g: Any, level: Level) -> Any:
    """The cotangent of a trace: a constant of the level."""
    if not F.records or g._node is None:
        return g
    outer = [x for x in watch().levels if x.id < level.id]
    return wrap(g._a, cross_node(crossed(g._node, outer), level))


def _within(F: Any, t: Any, level: Level) -> Any:
    return inside(t, level) if F.records else t


def inside(t: Tensor, level: Level) -> Tensor:
    """t, whose node a border op recorded outside, with a node inside the level."""
    n = t._node
    if n is not None and n.level != level.id:
        inner = InnerNode()
        for slot in Node.__slots__:
            setattr(inner, slot, getattr(n, slot))
        inner.level = level.id
        t._node = inner
    return t


def enter(t: Tensor, level: Level, axis: int = 0) -> Tensor:
    """t inside a level: its entries along an axis, one at a time."""
    return inside(careful(ENTER, (t,), (level, axis)), level)


def dual(primal: Tensor, tangent: Tensor, level: Level) -> Tensor:
    """A tensor inside a level with that tangent."""
    return inside(careful(DUAL, (primal, tangent), (level,)), level)


def held(t: Tensor, level: Level) -> Tensor:
    """t with a node that lies inside the level, which still runs: what leaves it, leaves by a border op."""
    if t._cold is not None:
        fresh(t)
    n = t._node
    return wrap(t._a, None if n is None else crossed(n, [x for x in watch().levels if x.id <= level.id]))


def leave(t: Tensor, level: Level, axis: int = 0) -> Tensor:
    """What `held` kept, outside: the entries along a new axis."""
    return careful(LEAVE, (t,), (level, axis))


def primal(t: Tensor, level: Level) -> Tensor:
    """The value, outside."""
    return careful(PRIMAL, (t,), (level,))


def tangent(t: Tensor, level: Level) -> Tensor:
    """Its tangent, outside; zeros if it has none."""
    return careful(DROP, (t,), (level,))


nameless(globals())

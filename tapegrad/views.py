"""Views and in-place writes.

A view remembers the tensor it was cut from (its base) and the path of view ops that leads there. A write to a
view rebases its base: the base becomes "what it was, with this region replaced". The views of the base notice
that its node has changed and derive their own anew when they are next used. Nothing else in the engine knows
that writes exist, except for the clock that finds overwritten saved arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels as K
from tapegrad._errors import sizes
from tapegrad._state import grad_enabled, set_rebased, watching
from tapegrad.dtypes import of
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Level, Storage
from tapegrad.rare import Rare
from tapegrad.tape import Node, Op, record
from tapegrad.writes import boxed, buffer_of, replaced, tick, wrote

Step = tuple[Op, tuple[int, ...], tuple[Any, ...]]  # a view op, the shape it was applied to, its arguments


class Cold:
    """What few tensors have.

    parent:   the tensor that a view was cut from, None for what is no view.
    op, args: how it was cut.
    seen:     the base's node that the view's node derives from.
    leaf:     the gradient's home while requires_grad is off.
    closed:   why neither the view nor its base may be written while operations are recorded; None: they may.
    """

    __slots__ = ("args", "closed", "leaf", "op", "parent", "seen")
    closed: str | None
    args: tuple[Any, ...]
    leaf: Any
    op: Any
    parent: Any
    seen: Node | None


def is_view(t: Any) -> bool:
    """Whether t shows another tensor's memory by a view op."""
    return t._cold is not None and t._cold.parent is not None


def base_of(t: Any) -> Any:
    """The tensor whose memory t shows: t itself unless it is a view."""
    c = t._cold
    while c is not None and c.parent is not None:
        t = c.parent
        c = t._cold
    return t


def path_of(t: Any) -> tuple[Step, ...]:
    """The steps that lead from t's base to t."""
    steps: list[Step] = []
    c = t._cold
    while c is not None and c.parent is not None:
        steps.append((c.op, c.parent._a.shape, c.args))
        c = c.parent._cold
    return tuple(reversed(steps))


def cold_of(t: Any) -> Cold:
    """t's Cold, made if it has none."""
    c: Cold = t._cold
    if c is None:
        c = t._cold = Cold()
        c.parent = c.op = c.seen = c.leaf = c.closed = None
    return c


def view_of(parent: Any, op: Op, args: tuple[Any, ...]) -> Cold:
    """The Cold of a view that `op` cut from parent (which is up to date)."""
    c = Cold()
    c.parent = parent
    c.op = op
    c.args = args
    above = parent._cold
    c.seen = parent._node if above is None or above.parent is None else above.seen
    c.leaf = None
    c.closed = None if above is None else above.closed  # views of a closed view are
    return c


def close(t: Any, why: str) -> None:
    """From now on writes to this view, or to its base, are refused."""
    t._cold.closed = why


def box(t: Any) -> Any:
    """t's array, as one that others may share: results without dimensions start as NumPy scalars, which are
    much faster to compute with but have no memory to show."""
    a = t._a
    if type(a) is not ndarray and isinstance(a, np.generic):
        a = np.array(a)
        boxed(t._a, a)
        t._a = a
    elif isinstance(a, Storage):
        a.box()
    return a


def fresh(t: Any) -> None:
    """Bring a view's node up to date if its base was written through another view."""
    c = t._cold
    if c.parent is None:
        return
    base = base_of(t)
    if isinstance(base._a, Storage) and getattr(t._a, "level", None) is not base._a.level:
        Level.again(t)  # a write inside of a transform gave the base a storage
    n = base._node
    if (
        n is c.seen or n is None or n.op is None
    ):  # requires_grad_() on the base is no write: views keep theirs
        return
    if c.closed is not None:
        raise RuntimeError(
            f"view: the base of this Tensor{sizes(t._a.shape)} was written in place; {c.closed}"
        )
    c.seen = n
    for op, shape, args in path_of(t):
        n = record(op, (n,), (), (shape, args), None)
    _succeed(t, n)


def _succeed(t: Any, n: Node) -> None:
    """n becomes t's node, also in keeping the gradient that retain_grad() asked for."""
    old = t._node
    if old is not None and old.rare is not None and old.rare.retains and old is not n:
        n.rare = n.rare or Rare()
        n.rare.retains, n.rare.grad = True, old.rare.grad
        old.rare.retains, old.rare.grad = False, None
    t._node = n


def refresh(*tensors: Any) -> None:
    """Bring those that are views up to date."""
    for t in tensors:
        if getattr(t, "_cold", None) is not None:
            fresh(t)


def attend(*tensors: Any) -> bool:
    """What a wrapper does while `special.alert` is not 0: bring views up to date, and find out whether this
    thread must take the careful way (`define.base.careful`)."""
    for t in tensors:
        if getattr(t, "_cold", None) is not None:
            fresh(t)
    return watching()


def follow(F: Any, x: Any, path: tuple[Step, ...]) -> Any:
    """The part of x that a path names."""
    for op, _, args in path:
        x = F.apply(op, x, *args)
    return x


def _covered(path: tuple[Step, ...], shape: tuple[int, ...]) -> Any:
    """True in an array like the base where the path leads."""
    m: Any = np.ones(shape, bool)
    for op, outer, args in reversed(path):
        (m,) = op.vjp(K, m, (), (outer, args), (None,))
    return m


def _copy_slices_vjp(F: Any, g: Any, _saved: Any, path: tuple[Step, ...], need: Any) -> Any:
    part = follow(F, g, path)
    rest = None if need[0] is None else F.where(_covered(path, tuple(part.shape)), 0, g)
    return rest, part


def _copy_slices(path: tuple[Step, ...], xs: Any) -> Any:
    base = np.array(xs[0])
    follow(K, base, path)[...] = xs[1]
    return base


COPY_SLICES = Op("copy_slices", "opaque", None, linear=True)
COPY_SLICES.vjp = _copy_slices_vjp
COPY_SLICES.replay = _copy_slices
COPY_SLICES.reads = ((), ())  # as in torch, a graph through it can be used only once
COPY_SLICES.shown = type("CopySlices", (Node,), {"__slots__": (), "__module__": "tapegrad.tape"})


def check_writable(t: Any, name: str) -> None:
    """Raises: RuntimeError if t must not be written in place (a leaf under grad mode, shared or read-only
    memory)."""
    c = t._cold
    if c is not None:
        fresh(t)
    n = t._node
    if n is not None and grad_enabled():
        shape = sizes(t._a.shape)
        if c is not None and c.closed is not None:
            raise RuntimeError(f"{name}: this Tensor{shape} is a view and cannot change in place; {c.closed}")
        if n.op is None:
            raise RuntimeError(
                f"{name}: a leaf Tensor{shape} that requires grad cannot change in place; wrap the update "
                "in no_grad()."
            )
        if is_view(t) and base_of(t)._node is not None and base_of(t)._node.op is None:
            raise RuntimeError(
                f"{name}: this Tensor{shape} is a view of a leaf that requires grad, which cannot change in "
                "place; wrap the update in no_grad(), or clone() first."
            )
    check_memory(t, name)


def check_memory(t: Any, name: str) -> None:
    """Raises: RuntimeError if t's memory is shared among its elements, or read-only."""
    a = t._a
    if type(a) is ndarray and not a.flags.writeable:
        raise RuntimeError(
            f"{name}: several elements of this Tensor{sizes(a.shape)} may share one place in memory "
            "(expand), or its memory is read-only; clone() it first."
        )


def check_fits(t: Any, r: Any, name: str) -> None:
    """Raises: RuntimeError if the result r has another shape than its target t, or a dtype that t cannot
    hold."""
    a, b = t._a, r._a
    if a.shape != b.shape:
        raise RuntimeError(
            f"{name}: the result is {sizes(b.shape)} and the target is {sizes(a.shape)}; they must be equal. "
            f"Use the out-of-place op."
        )
    if a.dtype is not b.dtype and of(b.dtype).category > of(a.dtype).category:
        raise RuntimeError(
            f"{name}: the result is {of(b.dtype)} and the target is {of(a.dtype)}, which cannot hold it; "
            "convert the target first, e.g. with .float()."
        )


def assign(t: Any, r: Any) -> Any:
    """Make t hold r's values and r's node, in t's own memory. The checks above come first: from here
    nothing fails."""
    if isinstance(t._a, Storage) or isinstance(r._a, Storage):
        return Level.assign(t, r)
    if isinstance(t._a, np.generic):
        return _assign_number(t, r)
    a = box(t)
    n, value = r._node, r._a
    plain = n is not None and type(n.saved) is tuple
    # What the rule reads of t's old value must not change with it.
    if plain:
        n.saved = tuple([_apart(s, a) if s is not value else s for s in n.saved])
    elif n is not None:
        n.saved.apart(a)
    a[...] = value
    wrote(a)
    if n is not None:
        # The out-of-place result is dropped: a rule that reads it reads t, and a later write to t is then
        # noticed.
        if plain:
            n.saved = tuple([a if s is value else s for s in n.saved])
        n.seq = tick()
        adopt(t, n)
    return t


def _assign_number(t: Any, r: Any) -> Any:
    """The same for a NumPy scalar, which has no memory that others share: t gets another one."""
    old, n, value = t._a, r._node, r._a
    t._a = value if type(value) is type(old) else np.asarray(value).astype(old.dtype)[()]
    replaced(old)
    if n is not None:
        n.seq = tick()
        adopt(t, n)
    return t


def _apart(s: Any, a: Any) -> Any:
    return s.copy() if type(s) is ndarray and buffer_of(s) is buffer_of(a) else s


def adopt(t: Any, n: Node) -> None:
    """t's value now comes from n; a view's becomes a part of its base's value, and it a view of that.

    The view's own node is derived when it is next used, as those of the other views are.
    """
    set_rebased()
    _succeed(t, n)
    c = t._cold
    if c is not None and c.parent is not None:
        base = base_of(t)
        _succeed(base, record(COPY_SLICES, (base._node, n), (), path_of(t), base._a.shape))


nameless(globals())

"""Views and in-place writes.

A view remembers the tensor it was cut from (its base) and the path of view ops that leads there. A write to a
view rebases its base: the base becomes "what it was, with this region replaced". The views of the base notice
that its node has changed and derive their own anew when they are next used. Nothing else in the engine knows
that writes exist, except for the clock that finds overwritten saved arrays.
"""

from __future__ import annotations

from sys import getrefcount
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels as K
from tapegrad import layouts
from tapegrad._errors import sizes
from tapegrad._state import grad_enabled, inference_block, set_rebased, special, watching
from tapegrad.dtypes import of
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.memory import buffer_of, overlap, overlaps_itself
from tapegrad.levels import Level, Storage
from tapegrad.naming import argument, subject
from tapegrad.rare import succeed
from tapegrad.tape import Node, Op, record
from tapegrad.writes import INFERENCE, NO_GRAD, Departed, boxed, made, replaced, tick, wrote

Step = tuple[Op, tuple[int, ...], tuple[Any, ...]]  # a view op, the shape it was applied to, its arguments


class Cold:
    """What few tensors have.

    parent:   the tensor that a view was cut from, None for what is no view.
    op, args: how it was cut.
    seen:     the base's node that the view's node derives from.
    made:     of a view, why it must not be written under grad mode, or None; of what is no view, the stay in
              inference mode in which it was made, or None.
    leaf:     the gradient's home while requires_grad is off.
    count:    writes to it that its array's entry in the table of writes does not count.
    left:     of what is no view: that it was detached in place (`writes.Departed`), or None.

    Without an __init__, type's own call takes half as long; `cold` makes those that are no views.
    """

    __slots__ = ("args", "count", "leaf", "left", "made", "op", "parent", "seen")
    args: tuple[Any, ...]
    count: int
    leaf: Any
    left: Any
    made: Any
    op: Any
    parent: Any
    seen: Node | None


def cold(made: Any = None) -> Cold:
    """The Cold of what is no view."""
    c = Cold()
    c.parent = c.op = c.seen = c.leaf = c.left = None
    c.args, c.made, c.count = (), made, 0
    return c


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
    """The steps that lead from t's base to t, as they lie in memory now."""
    steps: list[Step] = []
    c = t._cold
    while c is not None and c.parent is not None:
        steps.append((c.op, c.parent._a.shape, c.args))
        c = c.parent._cold
    path = tuple(reversed(steps))
    if layouts.pattern.op is None or not path:
        return path
    return layouts.path_now(base_of(t)._a, t._a, path)  # type: ignore[no-any-return] # steps as above


def cold_of(t: Any) -> Cold:
    """t's Cold, made if it has none."""
    c: Cold = t._cold
    if c is None:
        c = t._cold = cold()
    return c


def born() -> Cold | None:
    """The Cold of a new tensor: None, or in inference mode what tells that it was made there."""
    block = inference_block()
    return None if block is None else cold(block)


def is_inference(t: Any) -> bool:
    """Whether t was made in inference mode: it can take no part in a graph."""
    c = t._cold
    return c is not None and c.parent is None and c.made is not None


def standalone(t: Any) -> Any:
    """t, which may be a view of what nobody else holds, as a tensor of its own."""
    t._cold = born()
    return t


def view_of(parent: Any, op: Op, args: tuple[Any, ...], how: str | None = None) -> Cold:
    """The Cold of a view that `op` cut from parent (which is up to date). how: see `Made`."""
    above = parent._cold
    c = Cold()
    c.parent = parent
    c.op = op
    c.args = args
    c.leaf = None
    if above is None:
        c.seen, c.made, c.count = parent._node, None, 0
    elif above.parent is not None:
        c.seen, c.made, c.count = above.seen, above.made, above.count
        if c.made is not None and how is None and parent._node is not None:
            how = c.made.how  # the view above may have required no grad
    elif above.made is not None:
        return cold(above.made)  # of an inference tensor: another one
    else:
        c.seen, c.made, c.count = parent._node, None, above.count
    if special.threads and not grad_enabled():
        how = NO_GRAD if inference_block() is None else INFERENCE
    if how is not None:
        base = parent if above is None else base_of(parent)
        c.seen, c.made = base._node, made(how, base, parent)
    return c


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
    """Bring a view's node up to date if its base was written through another view.

    Raises: RuntimeError if nobody can tell what its gradient would be now.
    """
    c = t._cold
    if c.parent is None:
        return
    base = base_of(t)
    # A write inside of a transform gave the base a storage; and there a view by strides is a copy.
    if isinstance(base._a, Storage) and (getattr(t._a, "level", None) is not base._a.level or not is_part(t)):
        Level.again(t)
    n = base._node
    # requires_grad_() on the base is no write: views keep theirs
    written = n is not c.seen and n is not None and n.op is not None
    if c.made is not None:
        if (written or c.made.outdated is not None) and grad_enabled():
            raise RuntimeError(
                f"view: this Tensor{sizes(t._a.shape)} {c.made.how}. It is a view whose base was written in "
                "place since, so it can no longer be used where gradients are recorded."
            )
    elif written or (n is None and base._cold is not None and _has_left(base._cold, c.seen)):
        c.seen = n
        succeed(t, record(REGION, (n,), (), path_of(t), None))


def leave(t: Any, n: Node) -> None:
    """t is taken out of the graph in place, and n is its node no more."""
    if n.op is None and getrefcount(n) <= 4:  # t's, the caller's, ours, and getrefcount's argument
        return  # no view derives from the leaf
    cold_of(t).left = Departed(t._a, n.seq)


def _has_left(c: Cold, seen: Node | None) -> bool:
    """Whether a base was detached in place, and its memory written, since a view's node was made."""
    return c.left is not None and c.left.concerns(seen)


def needs_grad(t: Any) -> bool:
    """Whether t requires grad; also of a view of which nobody knows how, since its use raises then."""
    c = t._cold
    if c.made is None or c.parent is None:
        fresh(t)
        return t._node is not None
    base = base_of(t)._node
    return t._node is not None or (base is not c.seen and base is not None and base.op is not None)


def refresh(*tensors: Any) -> None:
    """Bring those that are views up to date."""
    for t in tensors:
        if getattr(t, "_cold", None) is not None:
            fresh(t)


def attend(*tensors: Any) -> bool:
    """What a wrapper does while `special.alert` is not 0: bring views up to date, and find out whether this
    thread must take the careful way (`define.base.careful`), or these tensors."""
    careful = watching() or inference_block() is not None
    for t in tensors:
        c = getattr(t, "_cold", None)
        if c is not None:
            if c.parent is not None:
                fresh(t)
            elif c.made is not None:
                careful = True
    return careful


def follow(F: Any, x: Any, path: tuple[Step, ...]) -> Any:
    """The part of x that a path names."""
    for op, _, args in path:
        x = F.apply(op, x, *args)
    return x


def covered(path: tuple[Step, ...], m: Any) -> Any:
    """Where in an array like the base the path leads, by ones like what it leads to; for each part of a
    complex base."""
    for op, outer, args in reversed(path):
        (m,) = op.vjp(K, m, (), (outer, args), (None,))
    parts = (m.real, m.imag) if m.dtype.kind == "c" else (m,)
    return [np.asarray(part != 0) for part in parts]  # expand's adjoint counts


def _copy_slices_vjp(F: Any, g: Any, _saved: Any, path: tuple[Step, ...], need: Any) -> Any:
    part = F.conj(follow(F, F.conj(g), path))  # a path leads through values, and so through what users see
    if need[0] is None:
        return None, part
    shape = tuple(part.shape)
    if F.is_complex(g):  # the path may lead to one of its parts
        re, im = covered(path, np.full(shape, 1 + 1j) if F.is_complex(part) else np.ones(shape))
        return F.complex(F.where(re, 0, F.real(g)), F.where(im, 0, F.imag(g))), part
    ones = np.full(shape, 1 + 1j) if F.is_complex(part) else np.ones(shape, bool)
    return F.where(covered(path, ones)[0], 0, g), part


def _copy_slices(path: tuple[Step, ...], xs: Any) -> Any:
    base = np.array(xs[0])
    follow(K, base, path)[...] = xs[1]
    return base


COPY_SLICES = Op("copy_slices", "opaque", None, linear=True)
COPY_SLICES.vjp = _copy_slices_vjp
COPY_SLICES.replay = _copy_slices
COPY_SLICES.reads = ((), ())  # as in torch, a graph through it can be used only once
COPY_SLICES.shown = type("CopySlices", (Node,), {"__slots__": (), "__module__": "tapegrad.tape"})


def _region_vjp(F: Any, g: Any, _saved: Any, path: tuple[Step, ...], need: Any) -> Any:
    for op, outer, args in reversed(path):
        (g,) = op.vjp(F, g, (), (outer, args), need)
    return (g,)


# What a view is of a base that was written: the region at its path.
REGION = Op("as_strided", "opaque", None, linear=True)
REGION.vjp = _region_vjp
REGION.replay = lambda path, xs: follow(K, xs[0], path)
REGION.shown = type("AsStridedBackward0", (Node,), {"__slots__": (), "__module__": "tapegrad.tape"})


def check_writable(t: Any, name: str) -> None:
    """Raises: RuntimeError if t must not be written in place (a leaf under grad mode, shared or read-only
    memory)."""
    check_history(t, name)
    check_memory(t, name)


def check_history(t: Any, name: str) -> None:
    """Raises: RuntimeError if a write to t would lose what autograd knows of it, whatever is written."""
    c = t._cold
    if c is not None:
        check_inference(t, name)
        fresh(t)
    if not grad_enabled():
        return
    n = t._node
    if c is not None and c.parent is not None:
        base = base_of(t)._node
        if n is not None or base is not None:
            check_made(t, name)
        if (n is not None and base is None) or (base is not None and _is_leaf(base)):
            raise RuntimeError(
                f"{name}: this Tensor{sizes(t._a.shape)} is a view of "
                f"{argument('a leaf that requires grad', base_of(t))}, which cannot change in place; wrap "
                "the update in no_grad(), or clone() first."
            )
    if n is not None and _is_leaf(n):
        raise RuntimeError(
            f"{name}: {subject(t, f'leaf Tensor{sizes(t._a.shape)} that requires grad', 'a')} cannot change "
            "in place; wrap the update in no_grad()."
        )


def _is_leaf(n: Node) -> bool:
    """Whether gradients are for n itself: a leaf, or the argument of a transform."""
    return n.op is None or n.op.kind == "argument"


def check_inference(t: Any, name: str) -> None:
    """Raises: RuntimeError outside of inference mode if t was made in it."""
    if is_inference(t) and inference_block() is None:
        raise RuntimeError(
            f"{name}: {subject(t, f'Tensor{sizes(t._a.shape)}')} was made in inference_mode(); outside of "
            "it, it can neither change in place nor require grad. clone() it first."
        )


def is_guarded(t: Any) -> bool:
    """Whether `check_history` must look at t although t requires no grad: a view of what does, or an
    inference tensor."""
    c = t._cold
    return c.made is not None or (c.parent is not None and base_of(t)._node is not None and grad_enabled())


def check_made(t: Any, name: str) -> None:
    """Raises: RuntimeError if t is a view through which nothing may be written that is recorded."""
    c = t._cold
    if c is not None and c.parent is not None and c.made is not None and grad_enabled():
        raise RuntimeError(
            f"{name}: {subject(t, f'Tensor{sizes(t._a.shape)}')} is a view that cannot change in place where "
            f"gradients are recorded: it {c.made.how}."
        )


def check_memory(t: Any, name: str) -> None:
    """Raises: RuntimeError if t's memory is shared among its elements, or read-only.

    Views that may repeat elements are read-only to NumPy, so that only those are looked at.
    """
    a = t._a
    if type(a) is not ndarray or a.flags.writeable:
        return
    if overlaps_itself(a):
        raise RuntimeError(
            f"{name}: several elements of {subject(t, f'Tensor{sizes(a.shape)}')} share one place in memory "
            "(expand); clone() it first."
        )
    if not buffer_of(a).flags.writeable:
        raise RuntimeError(
            f"{name}: the memory of this Tensor{sizes(a.shape)} is read-only; clone() it first."
        )
    a.flags.writeable = True


def check_overlap(t: Any, args: Any, name: str) -> None:
    """Raises: RuntimeError if a tensor among args shows a part of t's memory, but not exactly what t shows.

    As in torch, tensors with gaps in their memory are not looked at: their values are those before the write.
    """
    for x in args:
        if hasattr(x, "_node") and overlap(t._a, x._a):
            raise RuntimeError(
                f"{name}: {argument(f'this Tensor{sizes(t._a.shape)}', t)} and "
                f"{argument(f'an operand of {sizes(x._a.shape)}', x)} show overlapping parts of one memory; "
                "clone() the operand first."
            )


def check_fits(t: Any, r: Any, name: str) -> None:
    """Raises: RuntimeError if the result r has another shape than its target t, a dtype that t cannot hold,
    or a graph that t cannot take part in."""
    a, b = t._a, r._a
    if r._node is not None:
        check_made(t, name)
    if a.shape != b.shape:
        raise RuntimeError(
            f"{name}: the result is {sizes(b.shape)} and {argument('the target', t)} is {sizes(a.shape)}; "
            "they must be equal. Use the out-of-place op."
        )
    check_holds(t, r, name)


def check_holds(t: Any, r: Any, name: str) -> None:
    """Raises: RuntimeError if t's dtype cannot hold the result r."""
    a, b = t._a, r._a
    if a.dtype is not b.dtype and of(b.dtype).category > of(a.dtype).category:
        raise RuntimeError(
            f"{name}: the result is {of(b.dtype)} and {argument('the target', t)} is {of(a.dtype)}, which "
            "cannot hold it; convert the target first, e.g. with .float()."
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
    _fill(a, value)
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
    cold_of(t).count += 1
    if n is not None:
        n.seq = tick()
        adopt(t, n)
    return t


def _fill(a: Any, value: Any) -> None:
    """Write over a; also where it repeats elements, which only fill_() and zero_() may."""
    if not a.flags.writeable:
        a = a.view()
        a.flags.writeable = True
    a[...] = value


def _apart(s: Any, a: Any) -> Any:
    return s.copy() if type(s) is ndarray and buffer_of(s) is buffer_of(a) else s


def _has_hooks(n: Node | None, base: Node | None) -> bool:
    """Whether a node on a view's way from its base has hooks."""
    while n is not None and n is not base:
        if n.rare is not None and n.rare.hooks:
            return True
        n = n.parents[0] if n.parents else None
    return False


def _is_cut(step: Step) -> bool:
    """Whether a step leads to a part of what it starts from; a view by strides may lie beside that."""
    return step[0].view is step[0].forward


def is_part(t: Any) -> bool:
    """Whether t is a view that every step cuts out of the one before, and not a pattern in memory."""
    return all(map(_is_cut, path_of(t)))


def adopt(t: Any, n: Node) -> None:
    """t's value now comes from n; a view's becomes a part of its base's value, and it a view of that."""
    set_rebased()
    c, old = t._cold, t._node
    if c is None or c.parent is None:
        succeed(t, n)
        return
    base, path = base_of(t), path_of(t)
    if old is not None and (_has_hooks(old, c.seen) or not is_part(t)) and n.parents[0] is old:
        # The write starts from the base's value: the view as it was is not on the way, nor are its hooks.
        n.parents = (record(REGION, (base._node,), (), path, None), *n.parents[1:])
        n.seq = tick()  # younger than its parents
    succeed(base, record(COPY_SLICES, (base._node, n), (), path, base._a.shape))
    fresh(t)


nameless(globals())

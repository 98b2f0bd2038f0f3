"""The linear kinds: an op that is linear in its arrays, and pairs of ops that are each other's adjoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy import ndarray

from tapegrad._state import grad_enabled, special
from tapegrad.define.base import Function, define, named, run, severed, trace_of
from tapegrad.define.batching import same
from tapegrad.define.wrappers import write_linear, write_variadic
from tapegrad.dtypes import INEXACT
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.memory import apart
from tapegrad.kernels.shape import converted
from tapegrad.memory import alias
from tapegrad.tape import Op, beside, record
from tapegrad.tensor import Tensor, blank, wrap
from tapegrad.views import Cold, box, refresh, view_of
from tapegrad.writes import SEVERAL


def linear(
    key: str,
    kernel: Any,
    vjp: Any,
    *,
    view: Any = False,
    title: str | None = None,
    kind: str = "linear",
    batch: Any = None,
    widens: bool = False,
) -> Function:
    """An op that is linear in its one array: call(input, *args), kernel(array, *args).

    vjp(F, g, shape, *args) is its adjoint; `shape` is the input's. view: the result shares the input's
    memory; if the kernel does not do that on every array, the function that does it on the tensor's own.
    batch: see `storage.batched`. widens: it, or its adjoint, adds or multiplies, see `Op`.
    """
    op = define(key, kind, kernel, title, linear=True)
    op.widens = widens
    if view is True:
        view = kernel
    op.view, op.batch = view, batch
    op.meta = lambda xs, args: (xs[0].shape, args)
    op.vjp = lambda F, g, _, meta, __: (vjp(F, g, meta[0], *meta[1]),)
    op.replay = lambda meta, xs: kernel(*xs, *meta[1])
    return named(write_linear(op), op)


def indexing(
    keys: tuple[str, str],
    gather: Any,
    scatter: Any,
    *,
    titles: tuple[str, str],
    view: Any = False,
    batch: tuple[Any, Any] = (None, None),
) -> tuple[Function, Function]:
    """Two linear ops that are each other's adjoint: gather(x, *args), and scatter(g, *args, shape) with
    x's shape."""

    def gather_vjp(F: Any, g: Any, shape: Any, *args: Any) -> Any:
        return F.apply(scatter_call.op, g, *args, shape)

    def scatter_vjp(F: Any, g: Any, _: Any, *args: Any) -> Any:
        return F.apply(gather_call.op, g, *args[:-1])

    gather_call = linear(
        keys[0], gather, gather_vjp, view=view, title=titles[0], kind="indexing", batch=batch[0]
    )
    scatter_call = linear(keys[1], scatter, scatter_vjp, title=titles[1], kind="indexing", batch=batch[1])
    if not view:  # torch saves the index tensors: a graph through them can be used once
        gather_call.op.reads = scatter_call.op.reads = ((),)
    return gather_call, scatter_call


def variadic(name: str, kernel: Any, vjp: Any) -> Function:
    """A linear op of a list of arrays: call(tensors, *args), kernel(arrays, *args).

    vjp(F, g, shapes, need, *args) gives one cotangent (or None) per tensor; `need` has None where none is
    wanted.
    """
    op = define(name, "variadic", kernel, linear=True)
    op.vjp = lambda F, g, _, meta, need: vjp(F, g, meta[0], need, *meta[1])
    op.meta = lambda xs, args: (tuple([x.shape for x in xs]), args)
    op.replay = lambda meta, xs: kernel(xs, *meta[1])
    return named(write_variadic(op), op)


class Parts(dict[int, Any]):
    """The cotangents of several outputs of one op, by their number; they add as a sweep adds."""

    def __add__(self, other: Parts) -> Parts:
        both = Parts(self)
        for i, g in other.items():
            both[i] = both[i] + g if i in both else g
        return both


def _views(input: Tensor, parts: Sequence[Any], step: Op, cuts: Sequence[Any]) -> list[Tensor]:
    """The parts of input as views of it, which `step` makes with the arguments `cuts`. Hot: plain stores."""
    first, outs = view_of(input, step, (), SEVERAL), []
    kind, parent, seen, made, count = input._kind, first.parent, first.seen, first.made, first.count
    for part, cut in zip(parts, cuts, strict=True):
        t = blank()
        t._a = part
        t._kind = kind
        t._node = None
        t._cold = c = Cold()
        c.parent = parent
        c.op = step
        c.args = cut
        c.seen = seen
        c.made = made
        c.leaf = None
        c.count = count
        outs.append(t)
    return outs


def _apart(input: Tensor, part: Any) -> Tensor:
    """A part of input's memory as a tensor whose writes input's nodes do not notice."""
    t: Tensor = alias(input, wrap(part), False)
    t._a = apart(part) if type(part) is ndarray else part
    return t


def several(name: str, vjp: Any, step: Op, *, safe: bool = True, copies: str | None = None) -> Any:
    """An op that cuts its input into several views: call(input, cuts, *args), each cut a basic index alone in
    a tuple (whoever keeps them spares Python's collector the objects).

    It records one node for the input and one per output above it, so that the parts' cotangents meet before
    they become one of the input's size: vjp(F, parts, shape, *args). `step` is the op that cuts one such
    view; a view's path goes through it when a write makes it derive anew. Without `safe` they are no views to
    autograd and may be written: nodes do not notice that what they saved has changed. With
    `copies`, the name of their node, they are no views at all.
    """
    hub = define(f"{name}.all", "linear", None, linear=True)
    port = define(name, "linear", None, copies, linear=True)
    hub.vjp = lambda F, parts, _, meta, __: (vjp(F, parts, *meta),)
    port.vjp = lambda F, g, _, meta, __: (Parts({meta[0]: g}),)
    port.replay = lambda meta, xs: step.forward(xs[0], meta[1])
    views = safe and copies is None

    def call(input: Tensor, cuts: Sequence[Any], *args: Any) -> list[Tensor]:
        if special.alert:
            refresh(input)
        n, x = input._node, input._a
        if type(x) is not ndarray:
            x = box(input)
        if type(x) is not ndarray:
            parts = [run(step, (x,), cut) for cut in cuts]
        elif x.ndim > 1:
            parts = [x[index] for (index,) in cuts]
        else:  # of a row NumPy copies what a number names
            parts = [step.forward(x, index) for (index,) in cuts]
        if views:
            outs = _views(input, parts, step, cuts)
        elif copies is None:
            outs = [_apart(input, part) for part in parts]
        else:
            outs = [wrap(part.copy()) for part in parts]
        if n is None:
            return outs
        if special.threads and not grad_enabled():
            for t in outs:
                t._node = severed(input, t._a.shape) if views else None
            return outs
        above = record(hub, (n,), (), (x.shape, *args), None)
        parents = (above,)
        for i, t in enumerate(outs):
            trace = trace_of(t._a) if type(t._a) is ndarray else t._a.shape
            t._node = beside(above, port, parents, (i, *cuts[i]), trace)
        return outs

    return named(call, port)


# ---- casting, which promotion itself needs

_cast = linear(
    "to_copy",
    lambda x, dtype, _before: converted(x, dtype),
    lambda F, g, shape, dtype, before: F.cast(g, before),
    batch=same,
)


def cast(input: Tensor, dtype: Any) -> Tensor:
    """A copy in another NumPy dtype; the gradient comes back in the input's."""
    t = _cast(input, dtype, input._kind)
    if t._node is not None and dtype.kind not in INEXACT:
        t._node = None
    return t


nameless(globals())

"""What the kinds share: the registry, rules and what they save, how a result is wrapped and recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Protocol

import numpy as np

from tapegrad._state import grad_enabled, special, watch
from tapegrad.domains import RECORDED
from tapegrad.kernels.errstate import again, nameless
from tapegrad.levels import Storage, youngest
from tapegrad.tape import Node, Op, record
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import assign, box, check_fits, check_writable, refresh, view_of

Rule = Callable[..., Any]
Saves = Sequence[tuple[int, ...]]

OUT = -1  # in `saves`: the op's own output
SMALL = 16  # up to so many elements, a node remembers all its values: for pictures of the graph
EQUAL = ()  # an elementwise node's meta where no input was broadcast
OPS: dict[str, Op] = {}  # every op by its key: the registry


class Function(Protocol):
    """An op as users call it."""

    op: Op
    __name__: str

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        """The op's result."""


def define(key: str, kind: str, forward: Any, title: str | None = None, **facts: Any) -> Op:
    """Register an op. `key` is its name, with a variant behind a dot if torch names variants ("sum.dim");
    `title` is torch's name of its node if that is not the name in camel case with "Backward0"."""
    name = key.partition(".")[0]
    op = Op(name, kind, forward, **facts)
    title = title or "".join(word[:1].upper() + word[1:] for word in name.split("_")) + "Backward0"
    op.shown = type(title, (Node,), {"__slots__": (), "__module__": "tapegrad.tape"})
    if key in OPS:
        raise ValueError(f"define: op {key!r} is defined twice.")
    OPS[key] = op
    return op


def named(call: Any, op: Op) -> Function:
    """`call` as the function of op."""
    call.op = op
    call.__name__ = call.__qualname__ = op.name
    op.call = call
    return call  # type: ignore[no-any-return] # it has become one


def reading(op: Op, saves: Saves) -> tuple[tuple[int, ...], ...]:
    """Set `op.reads` from what each rule saves: input i is at place i + 1 of `saved`, OUT at 0."""
    places = tuple([tuple([k + 1 for k in ks]) for ks in saves])
    op.reads = places if any(places) else ()
    return places


_plans: dict[tuple[Any, ...], Any] = {}


def kept(op: Op, parents: Sequence[Node | None], values: tuple[Any, ...]) -> tuple[Any, ...]:
    """What to save of values = (out, *inputs, None): None for what nobody who needs a gradient reads, () if
    nobody reads anything."""
    if not op.reads:
        return ()
    key = (op, *[p is None for p in parents])
    plan = _plans.get(key)
    if plan is None:
        read = {k for p, ks in zip(parents, op.reads, strict=True) if p is not None for k in ks}
        # itemgetter builds the tuple in C; -1 is the None at the end
        plan = _plans[key] = itemgetter(*[k if k in read else -1 for k in range(len(values) - 1)])
    return plan(values)  # type: ignore[no-any-return] # a tuple: there are two values or more


def trace_of(y: Any, *xs: Any) -> Any:
    """What a node remembers for pictures: (out, *inputs), None for those that are not small; of a large
    output only its shape."""
    if y.size > SMALL:
        return y.shape
    values = [y, *xs]
    for i, v in enumerate(values):
        if v is None:
            continue
        if v.size > SMALL:
            values[i] = None
        elif v.base is not None and v.base.size > SMALL:
            values[i] = v.copy()  # a small view would keep its large base alive
    return values


def recording(*tensors: Any) -> bool:
    """Whether an operation on these must be recorded. Brings views up to date."""
    if special.alert:
        refresh(*tensors)
    for t in tensors:
        if isinstance(t, Tensor) and t._node is not None:
            return not special.threads or grad_enabled()
    return False


# ---- the careful way: any op of any kind, in a thread where a transform runs or an observer watches


def run(op: Op, xs: Sequence[Any], args: tuple[Any, ...] = ()) -> Any:
    """The op on arrays and storages."""
    storage = youngest(xs, args)
    if storage is not None and op.kind != "border":
        return storage.apply(op, xs, args)
    return _plainly(op, xs, args)


def _plainly(op: Op, xs: Sequence[Any], args: tuple[Any, ...]) -> Any:
    """The op on arrays, or one at a level's border."""
    given = (xs, *args) if op.kind == "variadic" else (*xs, *args)
    try:
        return op.forward(*given)
    except FloatingPointError:
        return again(op.forward, *given)


def careful(op: Op, tensors: Sequence[Any], args: tuple[Any, ...] = ()) -> Tensor:
    """The op on Tensors (or None for those that are optional), recorded if it must be."""
    xs = [None if t is None else t._a for t in tensors]
    if op.view:
        xs = [box(tensors[0])]
    storage = youngest(xs, args)
    if storage is None or op.kind == "border":
        y = _plainly(op, xs, args)
    elif op.body is None:
        y = storage.apply(op, xs, args)
    else:
        return op.body(RECORDED.F, *tensors, *args)  # type: ignore[no-any-return] # F's functions give Tensors
    t = wrap(y)
    if op.view:
        t._cold = view_of(tensors[0], op, args)
    if op.vjp is not None and recording(*tensors):
        parents = tuple([None if x is None else x._node for x in tensors])
        trace = trace_of(y, *xs) if storage is None else y.shape
        t._node = record(op, parents, kept(op, parents, (y, *xs, None)), op.meta(xs, args), trace)
    for observer in watch().observers:
        observer(op, xs, args, y, t._node)
    return newborn(t)


def newborn(t: Tensor) -> Tensor:
    """t, which the innermost transform that runs, if any, takes down as made inside of it. (A storage says so
    itself.)"""
    if special.alert and not isinstance(t._a, Storage) and (levels := watch().levels):
        levels[-1].born[id(t)] = t
    return t


def store(result: Tensor, out: Tensor, name: str) -> Tensor:
    """`out=`: write a result into a tensor of the same shape that can hold it.

    Raises: RuntimeError if autograd would be needed, or if `out` does not fit.
    """
    if result._node is not None or (out.requires_grad and grad_enabled()):
        raise RuntimeError(
            f"{name}: out= cannot be differentiated; drop out=, or wrap the call in no_grad()."
        )
    if out._a.size == 0 and result._a.size != 0:
        out._a = np.empty(result._a.shape, out._a.dtype)
    check_writable(out, name)
    check_fits(out, result, f"{name}(out=)")
    return assign(out, result)  # type: ignore[no-any-return] # views.py knows no Tensor class


def finish(result: Tensor, out: Tensor | None, name: str) -> Tensor:
    """The result, or `out` if it was given."""
    return result if out is None else store(result, out, name)


nameless(globals())

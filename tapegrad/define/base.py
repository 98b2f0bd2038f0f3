"""What the kinds share: the registry, rules and what they save, how a result is wrapped and recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Protocol

from numpy import ndarray

from tapegrad._errors import describe, say, sizes
from tapegrad._state import grad_enabled, special, tier, watch, watching
from tapegrad.define.narrow import in_float32, kind_among, twin
from tapegrad.domains import RECORDED
from tapegrad.dtypes import F4, NARROW
from tapegrad.kernels.errstate import again, nameless
from tapegrad.levels import Storage, youngest
from tapegrad.memory import resize
from tapegrad.tape import Node, Op, Severed, record
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import (
    assign,
    attend,
    base_of,
    box,
    check_fits,
    check_holds,
    check_overlap,
    check_writable,
    is_guarded,
    is_inference,
    refresh,
    view_of,
)
from tapegrad.writes import tick

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
    if op.at_once and tier.late != tier.NEVER:
        op.forward = _waking(op, forward)
    return op


def _waking(op: Op, kernel: Any) -> Any:
    """What stands in for a kernel until it is first called: it wakes the native tier, which then has machine
    code for the op, or cannot have any."""

    def first(*xs: Any) -> Any:
        tier.wake(large=False)
        forward = op.forward
        return (kernel if forward is first else forward)(*xs)

    first.behind = kernel  # type: ignore[attr-defined] # for define.machine
    return first


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
    size = y.size
    if size > SMALL:
        if size >= tier.large:  # made of small ones; the others were seen when they were wrapped
            tier.wake()
        return y.shape
    values = [y, *xs]
    for i, v in enumerate(values):
        if v is None:
            continue
        if v.size > SMALL:
            values[i] = None
        elif type(v.base) is ndarray and v.base.size > SMALL:
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


def plain(*tensors: Tensor) -> bool:
    """Whether operations on these do no more than kernels on their arrays: nothing of them is recorded, no
    transform runs, nobody watches, and NumPy computes in their dtypes. What is made of several operations may
    then call the kernels itself."""
    if special.alert and attend(*tensors):
        return False
    if tick() > tier.late:
        tier.wake(large=False)
    for t in tensors:
        if type(t._a) is not ndarray or (t._kind is not F4 and t._kind.char in NARROW):
            return False
        if t._node is not None and (not special.threads or grad_enabled()):
            return False
    return True


def bare(t: Tensor) -> Any:
    """t's array, if NumPy may simply write into it: nothing of the write is recorded, nobody watches, and
    nothing forbids it. None otherwise."""
    if special.alert:
        refresh(t)
        if watching():
            return None
    a = t._a
    if type(a) is not ndarray or not a.flags.writeable or (t._cold is not None and is_guarded(t)):
        return None
    return None if t._node is not None and (not special.threads or grad_enabled()) else a


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
    kernel = op.forward
    if op.widens and (kind := kind_among(xs)) is not None:
        kernel = partial(in_float32, kernel, kind)
    try:
        return kernel(*given)
    except FloatingPointError:
        return again(kernel, *given)


def careful(op: Op, tensors: Sequence[Any], args: tuple[Any, ...] = ()) -> Tensor:
    """The op on Tensors (or None for those that are optional), recorded if it must be."""
    xs = [None if t is None else t._a for t in tensors]
    if op.view:
        xs = [box(tensors[0])]
    storage = youngest(xs, args)
    if storage is not None and op.kind != "border":
        storage.check(op.name)
        if op.body is not None:
            return op.body(RECORDED.F, *tensors, *args)  # type: ignore[no-any-return] # F's give Tensors
        y = storage.apply(op, xs, args)
    elif op.view and type(xs[0]) is ndarray:
        y = op.view(xs[0], *args)
    else:
        y = _plainly(op, xs, args)
    t = wrap(y)
    if op.view:
        t._cold = view_of(tensors[0], op, args)
    if op.vjp is not None and recording(*tensors):
        parents = tuple([None if x is None else x._node for x in tensors])
        trace = trace_of(y, *xs) if storage is None else y.shape
        saved = kept(op, parents, (y, *xs, None))
        _check_kept(op, tensors, saved)
        kind = kind_among(xs) if op.widens else None
        noted = op if kind is None else twin(op, kind)
        t._node = record(noted, parents, saved, op.meta(xs, args), trace)
    elif op.view and tensors[0]._node is not None:
        t._node = severed(tensors[0], y.shape)
    for observer in watch().observers:
        observer(op, xs, args, y, t._node)
    return newborn(t)


def severed(parent: Tensor, shape: tuple[int, ...]) -> Severed | None:
    """The node of a view that is cut where nothing is recorded: it requires grad if its base does."""
    return None if base_of(parent)._node is None else Severed(shape)


def newborn(t: Tensor) -> Tensor:
    """t, which the innermost transform that runs, if any, takes down as made inside of it. (A storage says so
    itself, but a level that its tensors outlive must find them.)"""
    if special.alert and (levels := watch().levels):
        for level in levels:
            if level.stays or (level is levels[-1] and not isinstance(t._a, Storage)):
                level.born[id(t)] = t
    return t


def _check_kept(op: Op, tensors: Sequence[Any], saved: Sequence[Any]) -> None:
    """Raises: RuntimeError if a rule would read what was made in inference mode."""
    for t, x in zip(tensors, saved[1:], strict=False):
        if x is not None and t is not None and is_inference(t):
            raise RuntimeError(
                f"{op.name}: {describe(t)} was made in inference_mode() and cannot be saved for the "
                "backward; clone() it first, or compute it outside."
            )


def store(
    result: Tensor,
    out: Tensor,
    name: str,
    operands: Sequence[Any] = (),
    *,
    exact: bool = False,
    warns: bool = True,
) -> Tensor:
    """`out=`: write a result into a tensor that can hold it, and which gets its shape.

    operands: tensors of which `out` may not show a part. exact: it must have the result's dtype. warns: a new
    shape is worth a warning, unless `out` was empty.
    Raises: RuntimeError if autograd would be needed, or if `out` does not fit.
    """
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}: out is {describe(out)}; a Tensor is needed.")
    if result._node is not None or (out.requires_grad and grad_enabled()):
        raise RuntimeError(
            f"{name}: out= cannot be differentiated; drop out=, or wrap the call in no_grad()."
        )
    if exact and out._kind is not result._kind:
        raise RuntimeError(
            f"{name}(out=): the result is {result.dtype} and out is {out.dtype}; they must be equal."
        )
    check_writable(out, name)
    check_overlap(out, operands, f"{name}(out=)")
    check_holds(out, result, f"{name}(out=)")
    new = result._a.shape
    if out._a.shape != new and type(out._a) is ndarray:
        if warns and out._a.size:
            say(
                f"{name}(out=): out is {sizes(out._a.shape)} and the result {sizes(new)}; it was resized, "
                "which torch will refuse some day. Empty it first with .resize_(0)."
            )
        resize(out, new, f"{name}(out=)")
    check_fits(out, result, f"{name}(out=)")
    return assign(out, result)  # type: ignore[no-any-return] # views.py knows no Tensor class


def finish(
    result: Tensor, out: Tensor | None, name: str, operands: Sequence[Any] = (), *, exact: bool = False
) -> Tensor:
    """The result, or `out` if it was given."""
    if tick() > tier.late:  # the clock counts what is not recorded, too
        tier.wake(large=False)
    return result if out is None else store(result, out, name, operands, exact=exact)


nameless(globals())

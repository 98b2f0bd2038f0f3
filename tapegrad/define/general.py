"""The other kinds: reductions, matrix products by signature, composites with a fused stand-in, and opaque
ops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tapegrad.kernels as K
from tapegrad import promotion
from tapegrad._state import recorded, special
from tapegrad.define.base import (
    OUT,
    Function,
    Rule,
    Saves,
    define,
    named,
    reading,
    recording,
    trace_of,
)
from tapegrad.define.batching import product
from tapegrad.define.linear import Parts
from tapegrad.define.wrappers import write_reduction, write_vjp, write_wrapper
from tapegrad.domains import RAW, RECORDED, STORED
from tapegrad.dtypes import F4, F8
from tapegrad.kernels.errstate import again, nameless
from tapegrad.tape import record, sweep
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import attend


def reduction(
    key: str,
    kernel: Any,
    *,
    d: Rule | None,
    saves: tuple[int, ...] = (),
    title: str | None = None,
    batch: Any = None,
) -> Function:
    """An op over axes: call(input, dim, keepdim, *args) with `dim` None or a tuple of normalised axes.

    d(F, g, *saved, shape, dim, *args): g and a saved output have the reduced axes as 1, ready to broadcast.
    None: there is no derivative.
    """
    op = define(key, "reduction", kernel, title, linear=d is not None and not saves)
    op.batch = batch
    op.reads = (tuple([k + 1 for k in saves]),) if saves else ()
    reads_y = OUT in saves

    def vjp(F: Any, g: Any, saved: Any, meta: Any, _: Any) -> Any:
        assert d is not None
        shape, dim, keepdim, args = meta
        g = F.unreduce(g, shape, dim, keepdim)
        read = [saved[k + 1] for k in saves]
        if reads_y:
            read[-1] = F.unreduce(read[-1], shape, dim, keepdim)
        return (d(F, g, *read, shape, dim, *args),)

    op.vjp = None if d is None else vjp
    op.meta = lambda xs, args: (xs[0].shape, *args[:2], args[2:])
    op.replay = lambda meta, xs: kernel(*xs, *meta[1:3], *meta[3])
    return named(write_reduction(op), op)


def opaque(
    key: str,
    kernel: Any,
    *,
    d: Sequence[Rule | None],
    saves: Saves = (),
    title: str | None = None,
    linear: bool = False,
    kind: str = "opaque",
    ir: Any = "",
    shapes: bool = True,
    arguments: bool = True,
    optional: Sequence[int] = (),
    batch: Any = None,
    body: Any = None,
    vjp: Any = None,
    widens: bool = True,
) -> Function:
    """call(*tensors, *args), with len(d) tensors and kernel(*arrays, *args); the `optional` tensors may be
    None.

    d[i](F, g, *saved, shapes, *args): as everywhere, with the inputs' shapes before the arguments (unless
    shapes=False). arguments: whether there are any besides the tensors. batch: see `storage.batched`.
    body(F, *tensors, *args): the same in terms of other ops. widens, and ir of an elementwise op: see `Op`.
    Without any rule there is no derivative. vjp: in place of the rules in d, all cotangents at once, as
    `Op.vjp`.
    """
    op = define(key, kind, kernel, title, linear=linear, ir=ir)
    op.batch, op.body, op.widens = batch, body, widens
    op.rules = tuple(d)
    reading(op, saves or ((),) * len(d))
    if vjp is None and any(rule is not None for rule in d):
        vjp = write_vjp(op, d, meta=shapes or arguments)
    op.vjp = vjp
    op.replay = lambda meta, xs: kernel(*xs, *meta[1 if shapes else 0 :])
    call = write_wrapper(op, len(d), optional=optional, shapes=shapes, arguments=arguments)
    return named(call, op)


def gufunc(
    name: str,
    signature: str,
    kernel: Any,
    *,
    d: Sequence[Rule],
    saves: Saves,
    batched: bool = False,
    title: str | None = None,
) -> Function:
    """A two-array op given by its core dimensions, e.g. "(n,k),(k,m)->(n,m)".

    batched: leading axes are allowed; they broadcast, and their sums in the gradients are derived.
    """
    cores = [tuple(part.strip("()").split(",")) for part in signature.split("->")[0].split("),")]
    op = define(name, "gufunc", kernel, title)
    first, second = len(cores[0]), len(cores[1])
    op.batch = product(first, second)
    reading(op, saves)
    op.vjp = write_vjp(op, d, broadcast=batched)
    multiply = write_wrapper(op, 2, shapes=batched, arguments=False)

    def call(input: Tensor, other: Tensor) -> Tensor:
        try:
            n, m = input._a.ndim, other._a.ndim
            if input._kind is other._kind and (
                (n == first and m == second) or (batched and n >= first and m >= second)
            ):
                return multiply(input, other)  # type: ignore[no-any-return] # a Tensor
        except (AttributeError, ValueError):
            pass
        raise promotion.mismatch(name, cores, input, other, batched)

    return named(call, op)


# ---- composites with a fused stand-in


def composite(
    name: str, n: int, fused: tuple[Any, Any], title: str | None = None
) -> Callable[[Any], Function]:
    """Decorate body(F, *tensors, *args) of n tensors; call(*tensors, *args) runs the fused pair instead.

    fused: (forward(*arrays, *args), vjp(need, g, *arrays, *args) -> n cotangents). The body is what is
    differentiated when somebody asks for a graph of the backward: it is replayed on the saved inputs.
    """
    forward, backward = fused

    def wrapper(body: Any) -> Function:
        op = define(name, "composite", forward, title)
        op.body = body
        op.reads = (tuple(range(1, n + 1)),) * n

        def vjp(F: Any, g: Any, saved: Any, args: Any, need: Any) -> Any:
            if F is K:
                return backward(need, g, *saved[1:], *args)
            return replay(F, body, saved[1:], g, args, need)

        op.vjp = vjp
        op.replay = lambda meta, xs: forward(*xs, *meta)
        call = write_wrapper(op, n)
        call.body = body
        return named(call, op)

    return wrapper


def results(key: str, inputs: int, count: int, fused: tuple[Any, Any], body: Any) -> Any:
    """An op of so many inputs with `count` results: call(tensors, *args) -> a tuple of Tensors; some of the
    inputs may be None.

    fused: (forward(arrays, *args) -> (results, work), backward(need, gs, work, arrays, *args) -> a cotangent
    per input), where gs has None for a result that nobody reads, and work is one array of whatever forward
    keeps for it. body(*tensors, *args) is the same in terms of other ops: for transforms, whoever observes
    operations, narrow floats, and backwards that are recorded themselves.
    As in `several` there is one node for the inputs, and one per result above it.
    """
    forward, backward = fused
    hub, port = define(f"{key}.all", "results", None), define(key, "results", None)
    hub.reads = (tuple(range(inputs + 1)),) * inputs

    def vjp(F: Any, parts: Any, saved: Any, args: Any, need: Any) -> Any:
        if F is K:
            return backward(need, [parts.get(i) for i in range(count)], saved[0], saved[1:], *args)
        return replay(F, lambda F, *given: body(*given), saved[1:], parts, args, need)

    hub.vjp = vjp
    port.vjp = lambda F, g, _, meta, __: (Parts({meta[0]: g}),)
    port.replay = lambda meta, xs: forward(xs, *meta[1])[0][meta[0]]

    def call(tensors: Sequence[Tensor | None], *args: Any) -> tuple[Tensor, ...]:
        given = [t for t in tensors if t is not None]
        if (special.alert and attend(*given)) or any(t._kind is not F4 and t._kind is not F8 for t in given):
            return body(*tensors, *args)  # type: ignore[no-any-return] # as it is described above
        xs = tuple([None if t is None else t._a for t in tensors])
        try:
            ys, work = forward(xs, *args)
        except FloatingPointError:
            ys, work = again(forward, xs, *args)
        outs = tuple([wrap(y) for y in ys])
        if recording(*given):
            parents = tuple([None if t is None else t._node for t in tensors])
            above = record(hub, parents, (work, *xs), args, None)
            for i, t in enumerate(outs):
                t._node = record(port, (above,), (), (i, args), trace_of(t._a))
        return outs

    return call


ALIAS = define("alias.replay", "linear", None, "AliasBackward0", linear=True)
ALIAS.vjp = lambda F, g, saved, meta, need: (g,)
ALIAS.replay = lambda meta, xs: xs[0]
# The argument of a transform. Like a leaf it cannot change in place: what is written would be taken for it.
STAND_IN = define("alias.argument", "argument", None, "AliasBackward0", linear=True)
STAND_IN.vjp, STAND_IN.replay = ALIAS.vjp, ALIAS.replay


def replay(
    F: Any, body: Any, inputs: Sequence[Any], g: Any, args: tuple[Any, ...], need: Sequence[Any]
) -> list[Any]:
    """The cotangents of a body's inputs: run it on stand-ins for them and sweep back to those. On Tensors
    they are recorded. g: the cotangent of its result, or Parts of its several results."""
    domain = RECORDED if F.records else RAW if F is K else STORED
    stand_ins = [
        None
        if x is None
        else wrap(
            x._a if F.records else x,
            None if p is None else record(ALIAS, (p if F.records else None,), (), None, None),
        )
        for x, p in zip(inputs, need, strict=True)
    ]
    with recorded():
        y = body(RECORDED.F, *stand_ins, *args)
    roots = {y[i]._node: part for i, part in g.items()} if type(g) is Parts else {y._node: g}
    nodes = [None if t is None else t._node for t in stand_ins]
    wanted = [n for n in nodes if n is not None]
    got = sweep(tuple(roots), tuple(roots.values()), domain, retain=True, wanted=wanted)
    return [None if n is None else got.get(n) for n in nodes]


nameless(globals())

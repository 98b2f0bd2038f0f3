"""grad, vjp, jvp, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from tapegrad import ops
from tapegrad._errors import describe, sizes
from tapegrad._pytree import Spec, tree_flatten, tree_unflatten
from tapegrad._state import grad_enabled, recorded, watch
from tapegrad.define.general import ALIAS, STAND_IN
from tapegrad.define.linear import cast
from tapegrad.domains import RAW, RECORDED, STORED
from tapegrad.dtypes import INEXACT
from tapegrad.func.batches import check_chunk_size, vmap
from tapegrad.levels import Level
from tapegrad.storage.borders import dual, held, primal, tangent
from tapegrad.tape import Domain, Node, StoppedGrad, record, sweep
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import box, fresh

Function = Callable[..., Any]


# ---- going back


def _stand_in(t: Tensor) -> Tensor:
    """A tensor with t's value and a node of its own, which is what it is recognised by."""
    if t._cold is not None:
        fresh(t)
    return wrap(box(t), record(STAND_IN, (t._node,), (), (), None))


def _tensors(tree: Any, op: str, what: str) -> tuple[list[Any], Spec]:
    leaves, spec = tree_flatten(tree)
    for x in leaves:
        if not isinstance(x, Tensor):
            raise ValueError(f"{op}: {what} has {type(x).__name__}; only Tensors can be differentiated.")
    return leaves, spec


def _check_floats(leaves: Sequence[Tensor], op: str, what: str, error: type[Exception]) -> None:
    for t in leaves:
        if t._kind.kind not in INEXACT:
            raise error(f"{op}: {what} is {describe(t)}; floating point numbers are needed.")


def _open_ended(roots: Sequence[Node], own: set[Node]) -> bool:
    """Whether somebody outside can differentiate a gradient computed from the roots: some other leaf lies
    below them, or their stand-ins have a history."""
    seen = set(roots)
    todo = list(seen)
    while todo:
        n = todo.pop()
        if n in own:
            if n.parents[0] is not None:
                return True
            continue
        if n.op is None and not isinstance(n, StoppedGrad):
            return True
        for p in n.parents:
            if p is not None and p not in seen:
                seen.add(p)
                todo.append(p)
    return False


class _Pullback:
    """How cotangents of outputs become cotangents of inputs."""

    __slots__ = ("inputs", "open", "outputs", "records", "spec")

    def __init__(self, outputs: list[Tensor], inputs: list[Tensor], spec: Spec) -> None:
        self.outputs, self.inputs, self.spec = outputs, inputs, spec
        roots = [t._node for t in outputs if t._node is not None]
        self.open = _open_ended(roots, {_node(t) for t in inputs})

    def __call__(
        self, cotangents: Sequence[Tensor], create: bool | None = None, retain: bool = True
    ) -> list[Tensor]:
        """The gradient of each input: recorded if somebody outside can differentiate it. retain: the graph
        can be used again."""
        pairs = [(t._node, u) for t, u in zip(self.outputs, cotangents, strict=True) if t._node is not None]
        live = self.open or any(u._node is not None for _, u in pairs)
        records = live and (grad_enabled() if create is None else create)
        wanted = [_node(t) for t in self.inputs]
        roots = [n for n, _ in pairs]
        domain: Domain = RECORDED if records else STORED if watch().levels else RAW
        found = sweep(roots, [domain.unwrap(u) for _, u in pairs], domain, retain=retain, wanted=wanted)
        return [
            _zeros(t) if (g := found.get(n)) is None else domain.wrap(g)
            for n, t in zip(wanted, self.inputs, strict=True)
        ]


def _node(t: Tensor) -> Node:
    assert t._node is not None
    return t._node


def _zeros(t: Tensor) -> Tensor:
    return wrap(np.zeros(t._a.shape, t._a.dtype))


def _linearised(
    func: Function, primals: Sequence[Any], op: str, has_aux: bool
) -> tuple[Any, list[Tensor], Spec, _Pullback, Any, Any]:
    """(result, its leaves, its tree, the pullback to all leaves of the primals, their tree, aux)."""
    leaves, spec = _tensors(tuple(primals), op, "an argument")
    _check_floats(leaves, op, "an argument", ValueError if op == "linearize" else RuntimeError)
    with recorded():
        inputs = [_stand_in(t) for t in leaves]
        result = func(*tree_unflatten(inputs, spec))
    result, aux = _without_aux(result, has_aux, op)
    outputs, out_spec = tree_flatten(result)
    for t in outputs:
        if not isinstance(t, Tensor):
            raise RuntimeError(f"{op}: the function returned {type(t).__name__}; Tensors are needed.")
        if t._cold is not None:
            fresh(t)
    pull = _Pullback(outputs, inputs, spec)
    own = {_node(t) for t in inputs}
    shown = [_outside(t, own, pull) for t in outputs]
    return tree_unflatten(shown, out_spec), shown, out_spec, pull, spec, _detached(aux, pull)


def _outside(t: Tensor, own: set[Node], pull: _Pullback) -> Tensor:
    """An output as the caller sees it: with its graph if that leads to anything of the caller's."""
    return wrap(box(t), t._node if pull.open and grad_enabled() else None)


def _detached(aux: Any, pull: _Pullback) -> Any:
    leaves, spec = tree_flatten(aux)
    return tree_unflatten([_outside(t, set(), pull) if isinstance(t, Tensor) else t for t in leaves], spec)


def _without_aux(result: Any, has_aux: bool, op: str) -> tuple[Any, Any]:
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise RuntimeError(f"{op}: with has_aux=True the function must return a tuple (output, aux).")
    return result


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> Any:
    """(func(*primals), f) where f(cotangents) gives the cotangents of the primals, as a tuple; with has_aux,
    func returns (output, aux) and aux comes third.

    Raises: RuntimeError for results that are no Tensors, ValueError for primals that are none. Source:
    torch.func.vjp.
    """
    result, outputs, out_spec, pull, spec, aux = _linearised(func, primals, "vjp", has_aux)
    _check_results(outputs, "vjp")

    def back(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        leaves, got = tree_flatten(cotangents)
        if got != out_spec:
            raise RuntimeError(
                f"vjp: the cotangents are {got} and the results {out_spec}; Tensors in the same containers "
                "are needed."
            )
        us = [_cotangent(u, y) for u, y in zip(leaves, outputs, strict=True)]
        return tree_unflatten(pull(us, create_graph, retain_graph), spec)

    return (result, back, aux) if has_aux else (result, back)


def _check_results(outputs: Sequence[Tensor], op: str) -> None:
    if not outputs:
        raise RuntimeError(f"{op}: the function returned no Tensor; at least one is needed.")
    _check_floats(outputs, op, "a result", RuntimeError)


def _cotangent(u: Any, y: Tensor) -> Tensor:
    """u as the cotangent of y, in y's dtype; None is 1 for a single element.

    Raises: TypeError for what is no Tensor, RuntimeError for another shape.
    """
    if u is None and y._a.size == 1:
        return wrap(np.ones(y._a.shape, y._a.dtype))
    if u is not None and not isinstance(u, Tensor):
        raise TypeError(f"vjp: a cotangent is {type(u).__name__}; a Tensor is needed.")
    if u is None or u._a.shape != y._a.shape:
        given = "None" if u is None else sizes(u._a.shape)
        raise RuntimeError(
            f"vjp: a cotangent is {given} and its result {sizes(y._a.shape)}; they must be equal."
        )
    return u if u._kind is y._kind else cast(u, y._kind)


def _selected(args: tuple[Any, ...], argnums: Any, op: str) -> tuple[tuple[int, ...], Any]:
    """Which arguments to differentiate, counted from the front. Raises: RuntimeError for one that is not
    there."""
    if argnums is None and op == "jacfwd":
        return tuple(range(len(args))), None
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    if not numbers:
        raise RuntimeError(f"{op}: argnums is empty; the number of an argument is needed.")
    for i in numbers:
        if not isinstance(i, int):
            raise RuntimeError(f"{op}: argnums is {argnums!r}; an integer or a tuple of them is needed.")
        if not -len(args) <= i < len(args):
            raise RuntimeError(
                f"{op}: argnums is {argnums!r} and there are {len(args)} arguments; numbers of these "
                "are needed."
            )
    found = tuple([i % len(args) for i in numbers])
    if len(set(found)) < len(found):
        raise RuntimeError(f"{op}: argnums is {argnums!r}; each argument may come only once.")
    return found, None


def _of_selected(func: Function, args: tuple[Any, ...], kwargs: Any, numbers: tuple[int, ...]) -> Function:
    """func as a function of some of its arguments."""

    def f(*chosen: Any) -> Any:
        every = list(args)
        for i, x in zip(numbers, chosen, strict=True):
            every[i] = x
        return func(*every, **kwargs)

    return f


def grad_and_value(func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """As `grad`; the function returns (gradient, value), with has_aux (gradient, (value, aux))."""

    @wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        numbers, _ = _selected(args, argnums, "grad")
        f = _of_selected(func, args, kwargs, numbers)
        value, outputs, spec, pull, in_spec, aux = _linearised(f, [args[i] for i in numbers], "grad", has_aux)
        if spec.kind is not None or outputs[0]._a.ndim:
            given = describe(value) if isinstance(value, Tensor) else type(value).__name__
            raise RuntimeError(f"grad: the function returned {given}; a Tensor without dimensions is needed.")
        gs = tree_unflatten(pull([wrap(outputs[0]._a.dtype.type(1))]), in_spec)
        found = gs if isinstance(argnums, tuple) else gs[0]
        return (found, (value, aux)) if has_aux else (found, value)

    return gradient


def grad(func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Function:
    """The function that gives the gradient of func, which returns a Tensor without dimensions, with respect
    to the arguments `argnums` (trees of Tensors). has_aux: func returns (value, aux), the gradient function
    (gradient, aux).

    Raises: RuntimeError for another result, or an argument that is not there. Source: torch.func.grad.
    """
    both = grad_and_value(func, argnums, has_aux)

    @wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


# ---- going forward


def _matching(primals: Any, tangents: Any, op: str) -> tuple[list[Any], list[Any], Spec]:
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
        raise RuntimeError(
            f"{op}: primals is {type(primals).__name__} and tangents is {type(tangents).__name__}; tuples "
            "are needed."
        )
    ps, spec = tree_flatten(primals)
    ts, other = tree_flatten(tangents)
    if spec != other:
        raise RuntimeError(f"{op}: primals are {spec} and tangents {other}; they must be alike.")
    if not ps or not all(isinstance(x, Tensor) for x in (*ps, *ts)):
        raise RuntimeError(f"{op}: primals and tangents must be Tensors, and at least one of each is needed.")
    _check_floats(ps, op, "a primal", ValueError)
    _check_floats(ts, op, "a tangent", ValueError)
    for p, t in zip(ps, ts, strict=True):
        if p._a.shape != t._a.shape:
            raise RuntimeError(
                f"{op}: a primal is {sizes(p._a.shape)} and its tangent {sizes(t._a.shape)}; they must be "
                "equal."
            )
    return ps, ts, spec


def jvp(
    func: Function,
    primals: tuple[Any, ...],
    tangents: tuple[Any, ...],
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> Any:
    """(func(*primals), its derivative in the direction `tangents`); with has_aux, aux comes third.

    strict: raise RuntimeError for a result that does not depend on the primals, instead of zeros.
    Raises: RuntimeError for tangents unlike the primals. Source: torch.func.jvp.
    """
    ps, ts, spec = _matching(primals, tangents, "jvp")
    level = Level()
    inside = [dual(p, t, level) for p, t in zip(ps, ts, strict=True)]
    with level:
        result, aux = _without_aux(func(*tree_unflatten(inside, spec)), has_aux, "jvp")
        outputs, out_spec = tree_flatten(result)
        for t in outputs:
            if not isinstance(t, Tensor):
                raise RuntimeError(f"jvp: the function returned {type(t).__name__}; Tensors are needed.")
        if not outputs:
            raise RuntimeError("jvp: the function returned no Tensor; at least one is needed.")
        kept = [held(t, level) for t in outputs]
        extra, aux_spec = tree_flatten(aux)
        extra = [held(t, level) if isinstance(t, Tensor) else t for t in extra]
    if strict and any(getattr(t._a, "level", None) is not level for t in kept):
        raise RuntimeError("jvp: a result does not depend on the primals; pass strict=False for zeros.")
    values = tree_unflatten([primal(t, level) for t in kept], out_spec)
    derivatives = tree_unflatten([tangent(t, level) for t in kept], out_spec)
    if not has_aux:
        return values, derivatives
    shown = [primal(t, level) if isinstance(t, Tensor) else t for t in extra]
    return values, derivatives, tree_unflatten(shown, aux_spec)


def linearize(func: Function, *primals: Any) -> tuple[Any, Function]:
    """(func(*primals), f) where f(*tangents) is the derivative there; func runs once, f as often as wanted.

    Source: torch.func.linearize.
    """
    result, outputs, out_spec, pull, spec, _ = _linearised(func, primals, "linearize", False)
    # The pullback is linear in its cotangents: the derivative is what goes back through the pullback.
    with recorded():
        us = [wrap(np.zeros(y._a.shape, y._a.dtype), record(ALIAS, (None,), (), (), None)) for y in outputs]
        gs = pull(us, True)
    kinds = [(g._a.shape, g._kind) for g in gs]

    def derivative(*tangents: Any) -> Any:
        ts, given = tree_flatten(tangents)
        if given != spec or any(not isinstance(t, Tensor) for t in ts):
            raise RuntimeError(
                f"linearize: the tangents are {given} and the primals {spec}; they must be alike."
            )
        for t, p in zip(ts, kinds, strict=True):
            if (t._a.shape, t._kind) != p:
                raise RuntimeError(
                    f"linearize: a tangent is {describe(t)} and its primal {p[1].name}{sizes(p[0])}; they "
                    "must be alike."
                )
        back = _Pullback(gs, us, out_spec)
        return tree_unflatten(back(ts), out_spec)

    return result, derivative


# ---- whole derivatives


def _basis(leaves: Sequence[Tensor]) -> list[Tensor]:
    """For tensors of n elements together, the n unit vectors, cut into the tensors' shapes: [n, *shape]
    each."""
    counts = [t._a.size for t in leaves]
    if len(leaves) == 1:
        return [wrap(np.eye(counts[0], dtype=leaves[0]._a.dtype).reshape(counts[0], *leaves[0]._a.shape))]
    n, start, found = sum(counts), 0, []
    for t, k in zip(leaves, counts, strict=True):
        block = np.zeros((n, k), t._a.dtype)
        block[np.arange(start, start + k), np.arange(k)] = 1
        found.append(wrap(block.reshape(n, *t._a.shape)))
        start += k
    return found


def _cut(J: Tensor, shapes: Sequence[tuple[int, ...]]) -> list[Tensor]:
    """[n, *rest] cut along n into [*shape, *rest] for each shape."""
    found, start = [], 0
    for shape in shapes:
        k = int(np.prod(shape, dtype=int))
        part = ops.getitem(J, (slice(start, start + k),))
        found.append(ops.reshape(part, (*shape, *J._a.shape[1:])))
        start += k
    return found


def jacrev(
    func: Function,
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Function:
    """The function that gives the Jacobian of func, by one sweep back for all outputs at once: [*output,
    *input] for each pair of a result and an argument in `argnums`.

    chunk_size: how many rows to compute at a time. Source: torch.func.jacrev.
    """
    check_chunk_size(chunk_size, "jacrev")

    @wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        numbers, _ = _selected(args, argnums, "jacrev")
        f = _of_selected(func, args, kwargs, numbers)
        _, outputs, out_spec, pull, in_spec, aux = _linearised(
            f, [args[i] for i in numbers], "jacrev", has_aux
        )
        _check_results(outputs, "jacrev")
        shapes = [y._a.shape for y in outputs]
        if len(outputs) == 1 and outputs[0]._a.size == 1:  # a batch of one is not worth a level
            one = wrap(np.ones(outputs[0]._a.shape, outputs[0]._a.dtype))
            shape = shapes[0]
            blocks = [[ops.reshape(g, (*shape, *g._a.shape)) if shape else g] for g in pull([one])]
        else:
            rows = vmap(lambda *us: pull(us), chunk_size=chunk_size)(*_basis(outputs))
            blocks = [_cut(J, shapes) for J in rows]  # by input, by output
        by_output = [
            _one(tree_unflatten([blocks[i][k] for i in range(len(blocks))], in_spec), argnums)
            for k in range(len(outputs))
        ]
        found = tree_unflatten(by_output, out_spec)
        return (found, aux) if has_aux else found

    return jacobian


def _one(trees: Any, argnums: Any) -> Any:
    return trees[0] if isinstance(argnums, int) else trees


def jacfwd(
    func: Function, argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Function:
    """The same Jacobian, by one run forward for all inputs at once. Source: torch.func.jacfwd."""

    @wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        numbers, _ = _selected(args, argnums, "jacfwd")
        f = _of_selected(func, args, kwargs, numbers)
        chosen = tuple([args[i] for i in numbers])
        leaves, in_spec = _tensors(chosen, "jacfwd", "an argument")
        trees: list[Any] = []

        def column(*ts: Any) -> Any:
            found = jvp(f, chosen, tree_unflatten(ts, in_spec), has_aux=has_aux)
            derivatives, spec = tree_flatten(found[1])
            trees[:] = [spec]
            return tuple(derivatives), found[2] if has_aux else ()

        columns, aux = vmap(column, randomness=randomness, out_dims=(-1, None) if has_aux else -1)(
            *_basis(leaves)
        )
        shapes = [x._a.shape for x in leaves]
        by_output = [_one(tree_unflatten(_cut_last(J, shapes), in_spec), argnums) for J in columns]
        found = tree_unflatten(by_output, trees[0])
        return (found, aux) if has_aux else found

    return jacobian


def _cut_last(J: Tensor, shapes: Sequence[tuple[int, ...]]) -> list[Tensor]:
    """[*rest, n] cut along n into [*rest, *shape] for each shape."""
    found, start = [], 0
    for shape in shapes:
        k = int(np.prod(shape, dtype=int))
        part = J if k == J._a.shape[-1] else ops.getitem(J, (..., slice(start, start + k)))
        found.append(ops.reshape(part, (*J._a.shape[:-1], *shape)))
        start += k
    return found


def hessian(func: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """The function that gives the matrix of second derivatives: forward over reverse. Source:
    torch.func.hessian."""
    return jacfwd(jacrev(func, argnums), argnums)

"""backward and grad: from tensors to the tape's sweep and back."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy import ndarray

from tapegrad._errors import describe, place, sizes
from tapegrad._state import grad_enabled, inference_enabled, set_mode, special, watch
from tapegrad.autograd.nodes import GradientEdge, node_of
from tapegrad.define.linear import Parts, cast
from tapegrad.domains import RAW, RECORDED, STORED
from tapegrad.levels import Level
from tapegrad.naming import argument, subject
from tapegrad.rare import Rare, run_after
from tapegrad.sums import Leaves
from tapegrad.tape import AccumulateGrad, Domain, Node, Severed, sweep
from tapegrad.tensor import Tensor, wrap

Tensors = Tensor | GradientEdge | Sequence[Tensor | GradientEdge]
Place = tuple[Node, int | None]  # a node, and the number of the output meant if it has several

_ROOT = (
    "does not require grad and has no grad_fn, so there is nothing to go back through. Compute it from "
    "tensors with requires_grad=True, outside no_grad()."
)
_INPUT = "does not require grad; call requires_grad_() on it before computing the outputs."


def _many(x: Any) -> tuple[Any, ...]:
    return (x,) if x is None or isinstance(x, (Tensor, GradientEdge)) else tuple(x)


def _place(t: Any, op: str, name: str, lack: str) -> Place:
    """Where the gradient of a tensor (`name`, or "this") passes. Raises: TypeError for what is no Tensor,
    RuntimeError with `lack` for one without a node."""
    if isinstance(t, GradientEdge):
        return t.node, t.output_nr if t.node.outputs else None
    if not isinstance(t, Tensor):
        given = f"{name} is {type(t).__name__}" if name else f"{type(t).__name__} is given"
        raise TypeError(f"{op}: {given}; a Tensor is needed.")
    n = node_of(t)
    if n is None or (n.__class__ is Severed and lack is _ROOT):
        kind = f"{describe(t)} tensor"
        who = f"{argument(name, t)}, a {kind}," if name else subject(t, kind)
        raise RuntimeError(f"{op}: {who} {lack}")
    return n, None


def _known(edge: GradientEdge) -> tuple[Any, Any]:
    """(array, shape) of what passes at an edge, each None if the graph does not remember it."""
    n = edge.node
    if isinstance(n, AccumulateGrad):
        return (None if n.variable is None else n.variable._a), n.trace
    y: Any = n.trace[0] if n.trace and not n.outputs else None
    return (y, y.shape) if hasattr(y, "dtype") else (None, n.trace)


def _origin(t: Any, what: str = "It") -> str:
    """Where t was computed, as a sentence."""
    n = t._node if isinstance(t, Tensor) else t.node
    if n is None or n.op is None:
        return ""
    return f" {what} was computed by {n.op.name} at {place(n.code, n.lasti)}."


def _seed(t: Tensor | GradientEdge, g: Any, op: str) -> Any:
    """The cotangent to start with: g, or 1 for a scalar. A caller's array comes as a view, which leaves copy
    before they keep it."""
    a, shape = _known(t) if isinstance(t, GradientEdge) else (t._a, t._a.shape)
    if g is None:
        if a is None or a.size != 1:
            where = "this edge" if shape is None else subject(t, f"{sizes(shape)} tensor", "a")
            raise RuntimeError(
                f"{op}: {where} is not a scalar; pass gradient= of that shape, or reduce it first (.sum(), "
                f".mean()).{_origin(t)}"
            )
        if a.dtype.kind == "c":
            raise RuntimeError(
                f"{op}: a {describe(a)} tensor is not real; pass gradient=, or make it real first."
            )
        return np.ones(a.shape, a.dtype) if a.ndim else a.dtype.type(1)
    if not isinstance(g, Tensor):
        raise TypeError(f"{op}: gradient is {type(g).__name__}; a Tensor or None is needed.")
    if shape is not None and g._a.shape != shape:
        raise RuntimeError(
            f"{op}: gradient is {sizes(g._a.shape)} and {argument('the tensor', t)} {sizes(shape)}; they "
            "must be equal."
        )
    if a is not None and (g._a.dtype.kind == "c") is not (a.dtype.kind == "c"):
        raise RuntimeError(f"{op}: gradient is {g.dtype} and the tensor {a.dtype}; both or none is complex.")
    return g


def _start(
    tensors: Sequence[Any], gs: Sequence[Any], domain: Domain, op: str
) -> tuple[list[Node], list[Any]]:
    if len(gs) < len(tensors):
        raise RuntimeError(
            f"{op}: {len(tensors)} tensors and {len(gs)} gradients are given; one for each is needed."
        )
    roots, seeds = [], []
    for i, t in enumerate(tensors):
        n, number = _place(t, op, "" if len(tensors) == 1 else f"tensor {i}", _ROOT)
        seed = _seed(t, gs[i], op)
        if domain.records:
            seed = domain.unwrap(seed if isinstance(seed, Tensor) else wrap(seed))
            if isinstance(t, Tensor) and seed._kind is not t._kind:
                seed = cast(seed, t._kind)
        elif isinstance(seed, Tensor):
            a = domain.unwrap(seed)
            dtype = t._kind if isinstance(t, Tensor) else a.dtype
            if type(a) is ndarray:  # not the caller's own: leaves copy what has a base
                a = a.view()
            seed = a if a.dtype is dtype else a.astype(dtype)
        roots.append(n)
        seeds.append(seed if number is None else Parts({number: seed}))
    return roots, seeds


def _domain(create_graph: bool) -> Domain:
    """Where the rules run."""
    if create_graph:
        return RECORDED
    return STORED if special.alert and watch().levels else RAW


def _of_primals(roots: Any, seeds: Any, domain: Domain, wanted: Any) -> list[Any]:
    """The seeds; inside of `dual_level` as cotangents of the roots' primals, for gradients of what lies
    outside."""
    for level in watch().levels:
        if level.stays and not any(n.level == level.id for n in wanted):
            return [
                Level.at_primal(domain.F, g, level) if n.level == level.id and not isinstance(g, Parts) else g
                for n, g in zip(roots, seeds, strict=True)
            ]
    return seeds  # type: ignore[no-any-return] # a list


def _sweep(roots: Any, seeds: Any, retain: bool, domain: Domain, wanted: Any = None) -> Leaves:
    if special.alert:
        seeds = _of_primals(roots, seeds, domain, wanted or ())
    if not domain.records:
        return sweep(roots, seeds, domain, retain=retain, wanted=wanted)
    grad, inference = grad_enabled(), inference_enabled()
    set_mode(True, False)
    try:
        return sweep(roots, seeds, domain, retain=retain, wanted=wanted)
    finally:
        set_mode(grad, inference)


def backward(
    tensors: Tensors,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Tensors | None = None,
) -> None:
    """Add the gradients of `tensors` to `.grad` of the leaves below them (of `inputs` only, if given).

    grad_tensors: one per tensor, of its shape; None is 1 for a scalar. retain_graph: keep what operations
    saved, for another backward. create_graph: record the backward itself, for higher derivatives.
    grad_variables: an old name of grad_tensors. Tensors may be given as GradientEdges too.
    Raises: RuntimeError without a graph, for a non-scalar without gradient, a freed graph, an overwritten
    saved array.
    """
    if grad_variables is not None:
        if grad_tensors is not None:
            raise RuntimeError("backward: grad_tensors and grad_variables are both given; pass the first.")
        grad_tensors = grad_variables
    every = _many(tensors)
    gs = _many(grad_tensors) if grad_tensors is not None else (None,) * len(every)
    retain = create_graph if retain_graph is None else retain_graph
    domain = _domain(create_graph)
    roots, seeds = _start(every, gs, domain, "backward")
    if inputs is None:
        _sweep(roots, seeds, retain, domain)
        return
    ins = _many(inputs)
    places = [_place(t, "backward", f"inputs[{i}]", _INPUT) for i, t in enumerate(ins)]
    if not places:
        raise RuntimeError("backward: inputs is empty; pass tensors, or leave it out for all leaves.")
    for t, (n, _) in zip(ins, places, strict=True):
        if n.op is not None and isinstance(t, Tensor):  # it keeps its gradient itself
            n.rare = n.rare or Rare()
            n.rare.retains = True
    got = _sweep(roots, seeds, retain, domain, [n for n, _ in places])
    leaves = Leaves({n: g for n, g in got.items() if n.op is None}, domain.records)
    leaves.lent &= got.lent
    domain.deposit(leaves)
    run_after(leaves, domain)


def tensor_backward(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensors | None = None,
) -> None:
    """Add this tensor's gradients to `.grad` of the leaves below it. See torch.autograd.backward."""
    if inputs is not None or create_graph or gradient is not None or self._cold is not None:
        backward([self], [gradient], retain_graph, create_graph, inputs=inputs)
        return
    n = self._node or _place(self, "backward", "", _ROOT)[0]
    domain = _domain(False) if special.alert else RAW
    sweep((n,), (_seed(self, None, "backward"),), domain, retain=bool(retain_graph))


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of the outputs' sum with respect to each input, leaves or not; no `.grad` changes.

    grad_outputs: one per output, of its shape; None is 1 for a scalar. allow_unused: None for an input that
    the outputs do not depend on (materialize_grads: zeros). is_grads_batched: grad_outputs have one dimension
    more, in front, and so have the results. Tensors may be given as GradientEdges too.
    Raises: as backward; RuntimeError for an input that does not require grad, or is not used.
    """
    outs, ins = _many(outputs), _many(inputs)
    if not ins:
        raise RuntimeError("grad: inputs is empty; at least one tensor is needed.")
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "grad: allow_unused=False contradicts materialize_grads=True, which gives zeros for unused "
            "inputs; leave one of them out."
        )
    gs = _many(grad_outputs) if grad_outputs is not None else (None,) * len(outs)
    retain = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:

        def one(*gs: Any) -> tuple[Any, ...]:
            return grad(outs, ins, gs, retain, create_graph, True, allow_unused, False, materialize_grads)

        found: tuple[Any, ...] = import_module("tapegrad.autograd.batches").batched(one, gs)
        return found
    domain = _domain(create_graph)
    roots, seeds = _start(outs, gs, domain, "grad")
    places = [_place(t, "grad", f"inputs[{i}]", _INPUT) for i, t in enumerate(ins)]
    got = _sweep(roots, seeds, retain, domain, [n for n, _ in places if n.__class__ is not Severed])
    results = []
    for i, (t, at) in enumerate(zip(ins, places, strict=True)):
        g = _handed(got, *at, domain)
        if g is None:
            g = _unused(i, t, outs, bool(allow_unused), materialize_grads)
            g = g if g is None else g.requires_grad_(create_graph)
        results.append(g)
    return tuple(results)


def _handed(got: Leaves, n: Node, number: int | None, domain: Domain) -> Tensor | None:
    """The gradient that came to a node's output, such that only who gets it now sees its memory; a recorded
    one is nobody's to write."""
    g = got.get(n) if number is None else (got.get(n) or {}).get(number)
    if g is None:
        return None
    if not domain.records and (number is not None or n in got.lent):
        g = domain.own(g)
    got.lent.add(n)  # if it is wanted again
    return domain.wrap(g)  # type: ignore[no-any-return] # Domain names no Tensor class


def _unused(i: int, t: Any, outs: Sequence[Any], allowed: bool, zeros: bool) -> Tensor | None:
    """What stands for the gradient of an input that no output depends on. Raises: RuntimeError unless
    something may."""
    if zeros and isinstance(t, Tensor):
        return wrap(np.zeros(t._a.shape, t._a.dtype))
    if zeros:
        raise RuntimeError(
            f"grad: inputs[{i}] is an edge that the outputs do not use, so no zeros can be made for it; pass "
            "the tensor, or allow_unused=True without materialize_grads."
        )
    if not allowed:
        what = f"a {describe(t)} tensor" if isinstance(t, Tensor) else "an edge"
        origin = _origin(outs[0], "The output") if outs else ""
        raise RuntimeError(
            f"grad: {argument(f'inputs[{i}]', t)}, {what}, is not used by the outputs; pass "
            f"allow_unused=True to get None for it.{origin}"
        )
    return None

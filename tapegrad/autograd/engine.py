"""backward and grad: from tensors to the tape's sweep and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from tapegrad._errors import describe, place, sizes
from tapegrad._state import grad_enabled, inference_enabled, set_mode
from tapegrad.domains import RAW, RECORDED
from tapegrad.naming import argument, subject
from tapegrad.tape import AccumulateGrad, Node, Rare, sweep
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import fresh

Tensors = Tensor | Sequence[Tensor]


def _many(x: Any) -> tuple[Any, ...]:
    return (x,) if isinstance(x, Tensor) or x is None else tuple(x)


def _root(t: Tensor, op: str, what: str) -> Node:
    """The node to start from. Raises: RuntimeError if there is none."""
    if t._cold is not None:
        fresh(t)
    if t._node is None:
        raise RuntimeError(
            f"{op}: {subject(t, f'{describe(t)} tensor', what)} does not require grad and has no grad_fn, so "
            "there is nothing to go back through. Compute it from tensors with requires_grad=True, outside "
            "no_grad()."
        )
    return t._node


def _origin(t: Tensor, what: str = "It") -> str:
    """Where t was computed, as a sentence."""
    n = t._node
    if n is None or n.op is None:
        return ""
    return f" {what} was computed by {n.op.name} at {place(n.code, n.lasti)}."


def _seed(t: Tensor, g: Any, op: str) -> Any:
    """The cotangent to start with: g, or 1 for a scalar. A caller's array is copied: leaves may keep what
    arrives."""
    a = t._a
    if g is None:
        if a.size != 1:
            raise RuntimeError(
                f"{op}: {subject(t, f'{sizes(a.shape)} tensor', 'a')} is not a scalar; pass gradient= of "
                f"that shape, or reduce it first (.sum(), .mean()).{_origin(t)}"
            )
        if a.dtype.kind == "c":
            raise RuntimeError(
                f"{op}: a {describe(t)} tensor is not real; pass gradient=, or make it real first."
            )
        return np.ones(a.shape, a.dtype) if a.ndim else a.dtype.type(1)
    if not isinstance(g, Tensor):
        raise TypeError(f"{op}: gradient is {type(g).__name__}; a Tensor or None is needed.")
    if g._a.shape != a.shape:
        raise RuntimeError(
            f"{op}: gradient is {sizes(g._a.shape)} and {argument('the tensor', t)} {sizes(a.shape)}; they "
            "must be equal."
        )
    return g


def _start(
    tensors: Sequence[Tensor], gs: Sequence[Any], create_graph: bool, op: str
) -> tuple[list[Node], list[Any]]:
    if len(gs) != len(tensors):
        raise RuntimeError(
            f"{op}: {len(tensors)} tensors and {len(gs)} gradients are given; one for each is needed."
        )
    roots, seeds = [], []
    for i, t in enumerate(tensors):
        g = gs[i]
        if not isinstance(t, Tensor):
            raise TypeError(f"{op}: {type(t).__name__} is given; a Tensor is needed.")
        roots.append(_root(t, op, "this"))
        seed = _seed(t, g, op)
        if create_graph:
            seeds.append(seed if isinstance(seed, Tensor) else wrap(seed))
        elif isinstance(seed, Tensor):
            a = seed._a
            seeds.append(a.astype(t._a.dtype) if type(a) is ndarray or a.dtype is not t._a.dtype else a)
        else:
            seeds.append(seed)
    return roots, seeds


def _sweep(roots: Any, seeds: Any, retain: bool, create_graph: bool, wanted: Any = None) -> dict[Node, Any]:
    if not create_graph:
        return sweep(roots, seeds, RAW, retain=retain, wanted=wanted)
    grad, inference = grad_enabled(), inference_enabled()
    set_mode(True, False)
    try:
        return sweep(roots, seeds, RECORDED, retain=retain, wanted=wanted)
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
    Raises: RuntimeError without a graph, for a non-scalar without gradient, a freed graph, an overwritten
    saved array.
    """
    every = _many(tensors)
    gs = _many(grad_tensors) if grad_tensors is not None else (None,) * len(every)
    retain = create_graph if retain_graph is None else retain_graph
    roots, seeds = _start(every, gs, create_graph, "backward")
    if inputs is None:
        _sweep(roots, seeds, retain, create_graph)
        return
    nodes = [_root(t, "backward", "an inputs=") for t in _many(inputs)]
    if not nodes:
        raise RuntimeError("backward: inputs is empty; pass tensors, or leave it out for all leaves.")
    domain = RECORDED if create_graph else RAW
    got = _sweep(roots, seeds, retain, create_graph, nodes)
    keepers = [n if isinstance(n, AccumulateGrad) else _retained(n) for n in got]
    domain.deposit(dict(zip(keepers, map(domain.own, got.values()), strict=True)))


def _retained(n: Node) -> Rare:
    """Where a node that is no leaf keeps its gradient."""
    n.rare = n.rare or Rare()
    n.rare.retains = True
    return n.rare


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
    n = self._node or _root(self, "backward", "this")
    sweep((n,), (_seed(self, None, "backward"),), RAW, retain=bool(retain_graph))


def _wanted(inputs: Sequence[Any]) -> list[Node]:
    """The nodes of grad's inputs. Raises: RuntimeError for one that does not require grad."""
    wanted: list[Node] = []
    for i, t in enumerate(inputs):
        if not isinstance(t, Tensor):
            raise TypeError(f"grad: inputs[{i}] is {type(t).__name__}; a Tensor is needed.")
        if t._cold is not None:
            fresh(t)
        if t._node is None:
            raise RuntimeError(
                f"grad: {argument(f'inputs[{i}]', t)}, a {describe(t)} tensor, does not require grad; call "
                "requires_grad_() on it before computing the outputs."
            )
        wanted.append(t._node)
    return wanted


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of the outputs' sum with respect to each input, leaves or not; no `.grad` changes.

    grad_outputs: one per output, of its shape; None is 1 for a scalar. allow_unused: None for an input that
    the outputs do not depend on (materialize_grads: zeros).
    Raises: as backward; RuntimeError for an input that does not require grad, or is not used.
    """
    outs, ins = _many(outputs), _many(inputs)
    if not ins:
        raise RuntimeError("grad: inputs is empty; at least one tensor is needed.")
    gs = _many(grad_outputs) if grad_outputs is not None else (None,) * len(outs)
    roots, seeds = _start(outs, gs, create_graph, "grad")
    wanted = _wanted(ins)
    retain = create_graph if retain_graph is None else retain_graph
    got = _sweep(roots, seeds, retain, create_graph, wanted)
    results = []
    for i, (t, n) in enumerate(zip(ins, wanted, strict=True)):
        g = got.get(n)
        if g is None:
            if not allow_unused and not materialize_grads:
                raise RuntimeError(
                    f"grad: {argument(f'inputs[{i}]', t)}, a {describe(t)} tensor, is not used by the "
                    f"outputs; pass allow_unused=True to get None for it.{_origin(outs[0], 'The output')}"
                )
            results.append(wrap(np.zeros(t._a.shape, t._a.dtype)) if materialize_grads else None)
        else:
            results.append(g if create_graph else wrap(RAW.own(g)))
    return tuple(results)

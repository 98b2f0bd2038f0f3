"""Jacobians, Hessians and their products with vectors, by backward. Source: torch.autograd.functional."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tapegrad import func as transforms
from tapegrad import ops
from tapegrad._errors import describe, sizes
from tapegrad._state import recorded
from tapegrad.autograd.engine import grad
from tapegrad.tensor import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Fn = Callable[..., Any]


def jacobian(
    func: Fn,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of func's outputs by its inputs: for one of each a Tensor of shape (*output, *input), else
    tuples of them, by output and then by input.

    create_graph: the Jacobian can be differentiated. strict: raise where an output does not depend on an
    input, instead of giving zeros. vectorize: one batched backward instead of one per element. strategy:
    "forward-mode" needs vectorize and is for many outputs and few inputs.
    """
    call = _Call("jacobian", func, inputs, create_graph, strict)
    if strategy not in ("reverse-mode", "forward-mode"):
        raise AssertionError(
            f"jacobian: strategy is {strategy!r}; 'reverse-mode' or 'forward-mode' is needed."
        )
    if strategy == "forward-mode":
        return _forward(call, vectorize)
    outs = call.outputs()
    rows = []
    for k, y in enumerate(outs):
        n = y.numel()
        seeds = ops.eye(n, dtype=y.dtype).reshape((n, *y.shape))
        batches: Any = None
        if vectorize and n and y.requires_grad:
            batches = transforms.vmap(lambda g, y=y, k=k: tuple(call.pull((y,), (g,), k)))(seeds)
        if batches is None:
            each = [call.pull((y,), (g,), k) for g in seeds]
            batches = [_stack([e[i] for e in each], x) for i, x in enumerate(call.xs)]
        rows.append(tuple([b.reshape((*y.shape, *x.shape)) for b, x in zip(batches, call.xs, strict=True)]))
    return call.finished(rows)


def _stack(each: list[Tensor], like: Tensor) -> Tensor:
    stacked: Tensor = ops.stack(each) if each else ops.zeros((0, *like.shape), dtype=like.dtype)
    return stacked


def _forward(call: _Call, vectorize: bool) -> Any:
    if call.strict:
        raise RuntimeError(
            "jacobian: strict=True and strategy='forward-mode' do not go together; drop one of them."
        )
    if not vectorize:
        raise NotImplementedError("jacobian: strategy='forward-mode' needs vectorize=True.")
    call.outputs()
    function = transforms.jacfwd(
        lambda *xs: tuple(call.tensors(call.func(*xs), "outputs")), tuple(range(len(call.xs)))
    )
    return call.finished([tuple(row) for row in function(*call.xs)])


def hessian(
    func: Fn,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a function of one number: a Tensor of shape (*input, *input), or tuples of tuples of
    them. The arguments are those of jacobian. Raises: RuntimeError if func returns anything else."""
    if outer_jacobian_strategy not in ("reverse-mode", "forward-mode"):
        raise AssertionError(
            f"hessian: outer_jacobian_strategy is {outer_jacobian_strategy!r}; 'reverse-mode' or "
            "'forward-mode' is needed."
        )
    single = isinstance(inputs, Tensor)

    def first(*xs: Tensor) -> Any:
        if outer_jacobian_strategy == "forward-mode":
            return transforms.grad(lambda *xs: _number(func(*xs), "hessian"), tuple(range(len(xs))))(*xs)
        found = jacobian(lambda *xs: _number(func(*xs), "hessian"), xs, create_graph=True, strict=strict)
        return tuple([g if g.requires_grad or strict else g + 0 * x for g, x in zip(found, xs, strict=True)])

    call = (inputs,) if single else tuple(inputs)
    found = jacobian(first, call, create_graph, strict, vectorize, outer_jacobian_strategy)
    return found[0][0] if single else found


def _number(y: Any, op: str) -> Tensor:
    if not isinstance(y, Tensor):
        error = RuntimeError if isinstance(y, tuple) else TypeError
        raise error(f"{op}: the function returned {type(y).__name__}; a single Tensor is needed.")
    if y.numel() != 1:
        raise RuntimeError(f"{op}: the function returned a {sizes(y.shape)} tensor; one element is needed.")
    return y.squeeze()


def vjp(func: Fn, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(inputs), the product of v with the Jacobian). v is like the outputs; None for a single number."""
    call = _Call("vjp", func, inputs, create_graph, strict)
    outs = call.outputs()
    gs = call.vector(v, outs, "the outputs")
    return call.values(outs), call.packed(call.pull(outs, gs), call.single)


def jvp(func: Fn, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(inputs), the product of the Jacobian with v), by two backwards. v is like the inputs."""
    call = _Call("jvp", func, inputs, create_graph, strict)
    outs = call.outputs()
    ts = call.vector(v, call.xs, "the inputs")
    with recorded():
        duals = [ops.zeros_like(y).requires_grad_() for y in outs]
        back = call.pull(outs, duals, create=True)
        found = _grads(back, duals, ts, create_graph)
    for k, f in enumerate(found):
        if strict and (f is None or (create_graph and not f.requires_grad)):
            call.independent(k, 0)
    filled = [ops.zeros_like(y) if f is None else f for f, y in zip(found, outs, strict=True)]
    return call.values(outs), call.packed(filled, call.one)


def _grads(outs: Any, ins: Any, gs: Any, create: bool) -> list[Any]:
    """The gradients of those outputs that have a graph; None for inputs that none depends on."""
    pairs = [(y, g) for y, g in zip(outs, gs, strict=True) if y.requires_grad]
    if not pairs:
        return [None] * len(ins)
    ys, vs = zip(*pairs, strict=True)
    return list(grad(ys, ins, vs, create_graph=create, retain_graph=True, allow_unused=True))


def vhp(func: Fn, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(inputs), the product of v with the Hessian), for a function of one number."""
    return _twice("vhp", func, inputs, v, create_graph, strict)


def hvp(func: Fn, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(inputs), the product of the Hessian with v), for a function of one number. The Hessian is
    symmetric, so this is vhp."""
    return _twice("hvp", func, inputs, v, create_graph, strict)


def _twice(op: str, func: Fn, inputs: Any, v: Any, create_graph: bool, strict: bool) -> Any:
    call = _Call(op, func, inputs, create_graph, strict)
    outs = call.outputs()
    if not call.one:
        raise RuntimeError(f"{op}: the function returned a tuple; a single Tensor is needed.")
    _number(outs[0], op)
    ts = call.vector(v, call.xs, "the inputs")
    with recorded():
        first = call.pull(outs, (ops.ones_like(outs[0]),), create=True)
        second = _grads(first, call.xs, ts, create_graph)
    return call.values(outs), call.packed(call.filled(second, 0), call.single)


class _Call:
    """One call of a function: its inputs as leaves or views of the user's, and its outputs."""

    def __init__(self, op: str, func: Fn, inputs: Any, create_graph: bool, strict: bool) -> None:
        self.op, self.func, self.create, self.strict = op, func, create_graph, strict
        self.single = isinstance(inputs, Tensor)
        self.one = True
        given = self.tensors(inputs, "inputs")
        with recorded():  # with create_graph the results are to depend on the user's own tensors
            self.xs = [
                x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_()
                for x in given
            ]

    def tensors(self, x: Any, what: str) -> list[Tensor]:
        """x as a list of Tensors. Raises: TypeError if it is none."""
        every = (x,) if isinstance(x, Tensor) else x
        if not isinstance(every, tuple) or not all(isinstance(t, Tensor) for t in every):
            raise TypeError(
                f"{self.op}: {what}: {describe(x)} is given; a Tensor or tuple of them is needed."
            )
        return list(every)

    def outputs(self) -> list[Tensor]:
        """What the function computes. Raises: RuntimeError in strict mode if it needs no gradient."""
        with recorded():
            y = self.func(*self.xs)
        self.one = isinstance(y, Tensor)
        outs = self.tensors(y, "outputs")
        for k, t in enumerate(outs):
            if self.strict and not t.requires_grad:
                raise RuntimeError(
                    f"{self.op}: output {k} does not depend on any input, which strict=True forbids."
                )
        return outs

    def pull(self, outs: Any, gs: Any, k: int = 0, create: bool | None = None) -> list[Tensor]:
        """The gradient of each input; zeros where it is missing (strict: an error)."""
        found = _grads(outs, self.xs, gs, self.create if create is None else create)
        return self.filled(found, k)

    def filled(self, found: list[Any], k: int) -> list[Tensor]:
        """Gradients with zeros for those that are missing."""
        for i, g in enumerate(found):
            if self.strict and g is None:
                self.independent(k, i)
            if self.strict and self.create and not g.requires_grad:
                raise RuntimeError(
                    f"{self.op}: the derivative of output {k} does not depend on input {i}, which "
                    "strict=True forbids with create_graph=True."
                )
        return [ops.zeros_like(x) if g is None else g for g, x in zip(found, self.xs, strict=True)]

    def independent(self, k: int, i: int) -> None:
        """Raises: RuntimeError. Output k does not depend on input i."""
        raise RuntimeError(
            f"{self.op}: output {k} does not depend on input {i}, which strict=True forbids; its derivative "
            "is zero."
        )

    def vector(self, v: Any, like: list[Tensor], what: str) -> list[Tensor]:
        """v, checked against what it multiplies. Raises: RuntimeError if it does not fit."""
        if v is None:
            if len(like) != 1 or like[0].numel() != 1:
                raise RuntimeError(f"{self.op}: v may be left out only if {what} are a single number.")
            return [ops.ones_like(like[0])]
        vs = self.tensors(v, "v")
        if len(vs) != len(like):
            raise RuntimeError(f"{self.op}: v has {len(vs)} tensors and {what} {len(like)}; both must agree.")
        for i, (a, b) in enumerate(zip(vs, like, strict=True)):
            if a.shape != b.shape:
                raise RuntimeError(
                    f"{self.op}: v[{i}] is {sizes(a.shape)} and {what} have {sizes(b.shape)}; they must be "
                    "equal."
                )
        return [a if self.create else a.detach() for a in vs]

    def packed(self, results: list[Tensor], single: bool) -> Any:
        """Results as the user gave what they belong to: one, or a tuple."""
        done = [r if self.create else r.detach() for r in results]
        return done[0] if single else tuple(done)

    def values(self, outs: list[Tensor]) -> Any:
        """The outputs."""
        return self.packed(outs, self.one)

    def finished(self, rows: list[tuple[Tensor, ...]]) -> Any:
        """A Jacobian by output and input."""
        every = [self.packed(list(row), self.single) for row in rows]
        return every[0] if self.one else tuple(every)

"""Function: operations whose derivative the user writes.

`apply` runs the user's forward without recording and puts one node above the inputs. The node holds the
context `ctx`, and ctx knows its node only weakly, so no cycle is left. With several outputs that node has a
`Port` per output above it.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Sequence
from copy import copy
from functools import wraps
from typing import Any

from numpy import ndarray

from tapegrad._errors import describe, sizes
from tapegrad._state import grad_enabled, inference_enabled, set_mode, special, watch
from tapegrad.autograd.context import FunctionCtx, FunctionNode, Port, enter, port
from tapegrad.autograd.nodes import node_of
from tapegrad.autograd.pullback import back
from tapegrad.autograd.saving import packed
from tapegrad.autograd.transformed import rule_of
from tapegrad.define.base import trace_of
from tapegrad.define.linear import Parts
from tapegrad.dtypes import INEXACT
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import youngest
from tapegrad.ops.shape import view
from tapegrad.tape import Node, Op, Severed
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import adopt, base_of, box, is_view
from tapegrad.writes import Made, wrote_all

__all__ = ["Function", "FunctionCtx", "FunctionMeta", "InplaceFunction", "once_differentiable"]


class FunctionMeta(type):
    """Gives each Function the classes of its nodes and contexts, and their operations."""

    def __init__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> None:
        super().__init__(name, bases, attributes)
        title = f"{name}Backward"
        where = {"__module__": "torch.autograd.function", "__qualname__": title}
        cls._context = type(title, (FunctionCtx,), {**where, "_forward_cls": cls})
        shown = type(title, (FunctionNode,), {**where, "__slots__": ()})
        op, port = Op(name, "function", None), Op(name, "function", None)
        op.vjp, op.shown = back, shown
        port.vjp = lambda F, g, saved, number, need: (Parts({number: g}),)
        port.replay, port.shown = None, Port
        saving = copy(op)
        saving.reads = ((),)  # a graph through it can be used once
        cls._ops = op, saving, port
        cls._bound = inspect.signature(cls.forward)  # type: ignore[attr-defined] # every Function has it


class Function(FunctionCtx, metaclass=FunctionMeta):
    """An operation with a derivative of your own: override the static methods `forward` and `backward`.

    forward(ctx, *args), or forward(*args) together with setup_context(ctx, inputs, output), computes;
    backward(ctx, *gradients of the outputs) returns a gradient or None for each argument of forward. Call it
    as `apply(*args)`. Source: torch.autograd.Function.
    """

    generate_vmap_rule = False
    _context: Any
    _ops: tuple[Op, Op, Op]
    _bound: inspect.Signature

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Raises: RuntimeError. Functions are not instantiated."""
        raise RuntimeError(
            f"{type(self).__name__}: an instance is called; make forward and backward static methods and "
            f"call {type(self).__name__}.apply(...)."
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """What the operation computes, with or without ctx as the first argument."""
        raise NotImplementedError("Function: forward is missing; define it as a static method.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """What backward needs, kept in ctx. If it is defined, forward is called without ctx."""
        raise NotImplementedError("Function: setup_context is not defined.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradient of each of forward's arguments, from those of its outputs."""
        raise NotImplementedError(
            "Function: neither backward nor vjp is defined; one of them is needed to go back."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The tangent of each output, from those of forward's arguments."""
        raise NotImplementedError("Function: jvp is not defined, which forward mode needs.")

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        """The operation on batches: returns (output, out_dims)."""
        raise NotImplementedError("Function: vmap is not defined.")

    @classmethod
    def rule(cls) -> Callable[..., Any]:
        """The method that goes back. Raises: RuntimeError if there are two."""
        own, other = cls.backward is not Function.backward, cls.vjp is not Function.vjp
        if own and other:
            raise RuntimeError(f"{cls.__name__}: backward and vjp are both defined; define one of them.")
        return cls.vjp if other else cls.backward

    @classmethod
    def has_jvp(cls) -> bool:
        """Whether it has a rule of its own for tangents."""
        return cls.jvp is not Function.jvp

    @classmethod
    def has_vmap(cls) -> bool:
        """Whether it has a rule of its own for batches."""
        return cls.vmap is not Function.vmap and not cls.generate_vmap_rule

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward, and record it if an argument requires grad."""
        if special.alert and watch().levels and (rule := rule_of(cls, args)) is not None:
            return rule(cls, _bind(cls, (), args, kwargs) if kwargs else args)
        return cls.run(args, kwargs)[0]

    @classmethod
    def run(cls, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> tuple[Any, FunctionCtx]:
        """(what apply returns, the context)."""
        apart = cls.setup_context is not Function.setup_context
        ctx = cls._context()
        if kwargs or (apart and len(args) != len(cls._bound.parameters)):
            args = _bind(cls, () if apart else (ctx,), args, kwargs or {})
        places = tuple([i for i, a in enumerate(args) if isinstance(a, Tensor)])
        parents = tuple([node_of(args[i]) for i in places])
        needs = [False] * len(args)
        for i, p in zip(places, parents, strict=True):
            needs[i] = p is not None
        ctx.needs_input_grad = tuple(needs)
        grad, inference = grad_enabled(), inference_enabled()
        set_mode(False, inference)
        try:
            if apart:
                y = cls.forward(*args)
                cls.setup_context(ctx, args, y)
            else:
                y = cls.forward(ctx, *args)
            outputs = y if isinstance(y, tuple) else (y,)
            recorded = grad and True in needs
            results = _Ending(ctx, args, places, parents, outputs).results(recorded, apart)
        finally:
            set_mode(grad, inference)
        return (results if isinstance(y, tuple) else results[0]), ctx


def _bind(cls: Any, ctx: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    bound = cls._bound.bind(*ctx, *args, **kwargs)
    bound.apply_defaults()
    return tuple(bound.args[len(ctx) :])


class InplaceFunction(Function):
    """An old name: a Function that may say that it works in place."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace


# ---- the end of apply: what becomes of forward's outputs


class _Ending:
    """Makes of what forward returned what apply returns."""

    def __init__(
        self, ctx: FunctionCtx, args: tuple[Any, ...], places: Any, parents: Any, outputs: tuple[Any, ...]
    ) -> None:
        self.ctx, self.args, self.places, self.parents, self.outputs = ctx, args, places, parents, outputs
        self.name = ctx._forward_cls.__name__
        self.dirty = {id(t) for t in ctx.dirty_tensors}
        self.inputs = {id(args[i]) for i in places}
        flat = {id(t) for t in ctx.non_differentiable}
        self.live = [
            isinstance(t, Tensor) and t._kind.kind in INEXACT and id(t) not in flat for t in self.outputs
        ]

    def results(self, recorded: bool, apart: bool) -> tuple[Any, ...]:
        """What apply returns; ctx is left with what backward needs. Raises: RuntimeError if the marks are
        wrong."""
        self.check(recorded)
        ctx = self.ctx
        wrote_all([t._a for t in ctx.dirty_tensors if type(t._a) is ndarray])
        n = self.node(apart) if recorded and True in self.live else None
        results = [self.result(i, t, n) for i, t in enumerate(self.outputs)]
        for name in ("to_save", "dirty_tensors", "non_differentiable"):
            ctx.__dict__.pop(name, None)  # they may hold outputs, and those hold ctx
        return tuple(results)

    def check(self, recorded: bool) -> None:
        """Raises: RuntimeError for a mark that cannot be."""
        given = {id(t) for t in self.outputs}
        for t in self.ctx.dirty_tensors:
            if id(t) not in given:
                raise RuntimeError(
                    f"{self.name}: a {describe(t)} tensor is marked dirty and not returned; return every "
                    "input that forward changes in place."
                )
            if not recorded or not isinstance(t, Tensor) or t._node is None:
                continue
            if t._node.op is None:
                raise RuntimeError(
                    f"{self.name}: a leaf Tensor{sizes(t._a.shape)} that requires grad cannot change in "
                    "place; pass a clone(), or wrap the update in no_grad()."
                )
            if is_view(t) and len(self.outputs) > 1:
                raise RuntimeError(
                    f"{self.name}: it changes a view in place and has {len(self.outputs)} outputs; return "
                    "only the changed input, or pass a clone()."
                )

    def node(self, apart: bool) -> FunctionNode:
        """The node, with what ctx saved."""
        ctx, args = self.ctx, self.args
        cls = ctx._forward_cls
        roles, arrays = self.saved(apart)
        kind = cls._ops[0].shown
        n: FunctionNode = enter(kind(), cls._ops[1 if arrays else 0], self.parents, ctx)
        n.ctx, n.saved = ctx, arrays
        n.outputs = 0
        xs = [args[i]._a for i in self.places]
        if len(self.outputs) > 1:
            n.outputs = len(self.outputs)
        else:
            y = self.outputs[0]._a
            n.trace = trace_of(y, *xs) if youngest((y, *xs)) is None else y.shape
        ctx._node, ctx._roles = weakref.ref(n), roles
        ctx._places, ctx._count = self.places, len(args)
        ctx._inputs = tuple([(x.shape, x.dtype) for x in xs])
        ctx._outputs = tuple([(t._a.shape, t._kind) if isinstance(t, Tensor) else None for t in self.outputs])
        return n

    def saved(self, apart: bool) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """The roles of the saved tensors, and their arrays."""
        roles: list[Any] = []
        numbers = {id(t): i for i, t in enumerate(self.outputs)}
        for t in self.ctx.to_save:
            number = None if t is None else numbers.get(id(t))
            if number is not None and id(t) in self.inputs and id(t) not in self.dirty:
                if apart:
                    raise RuntimeError(
                        f"{self.name}: a {describe(t)} input is returned as it is and saved; with "
                        "setup_context return and save x.view_as(x), or save in forward(ctx, ...)."
                    )
                number = None
            roles.append(None if t is None else number if number is not None else node_of(t))
        return tuple(roles), packed(tuple([None if t is None else t._a for t in self.ctx.to_save]))

    def result(self, i: int, t: Any, n: FunctionNode | None) -> Any:
        """Output i as apply returns it."""
        if not isinstance(t, Tensor):
            return t
        dirty, given = id(t) in self.dirty, id(t) in self.inputs
        if n is None or not self.live[i]:
            if t._node is None and (dirty or not given):
                return t
            return t if dirty and n is None else wrap(box(t))
        if dirty:
            adopt(t, port(n, i) if n.outputs else n)
            return t
        if given or not (t._node is None or t._node.__class__ is Severed):
            # another tensor, so that the input keeps its own node
            t = view(t, t._a.shape) if given else wrap(box(t))
        t._node = port(n, i) if n.outputs else n
        if is_view(t):
            t._cold.made = Made(f"was made by {self.name}; clone() it first", base_of(t))
        return t


# ---- once_differentiable


def _refuse(*_: Any) -> Any:
    raise RuntimeError(
        "once_differentiable: this backward is differentiated again; write it in differentiable operations "
        "and drop @once_differentiable."
    )


_ONCE = Op("once_differentiable", "function", None)
_ONCE.vjp = _refuse


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a backward that is not made of differentiable operations: differentiating it again raises,
    instead of giving wrong numbers. Source: torch.autograd.function.once_differentiable."""

    @wraps(fn)
    def backward(ctx: Any, *gs: Any) -> Any:
        recorded = grad_enabled()
        set_mode(False, inference_enabled())
        try:
            found = fn(ctx, *gs)
        finally:
            set_mode(recorded, inference_enabled())
        parents = tuple([node_of(g) for g in gs if isinstance(g, Tensor)])
        if not recorded or not any(p is not None for p in parents):
            return found
        results = found if isinstance(found, tuple) else (found,)
        return tuple([None if r is None else _sealed(r, parents) for r in results])

    return backward


def _sealed(r: Tensor, parents: Sequence[Any]) -> Tensor:
    n = enter(_Sealed(), _ONCE, tuple(parents), None)
    return wrap(box(r), n)


class _Sealed(Node):
    __slots__ = ("level",)
    level: int


_ONCE.shown = _Sealed

nameless(globals())

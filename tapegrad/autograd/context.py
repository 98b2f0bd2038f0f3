"""The node of a user's Function, and ctx, the context that forward leaves for backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tapegrad._errors import caller
from tapegrad._state import special, watch
from tapegrad.autograd.saving import Packed
from tapegrad.kernels.errstate import nameless
from tapegrad.stale import check_arrays
from tapegrad.tape import Node, Op, crossed, inner_op
from tapegrad.tensor import Tensor, wrap
from tapegrad.writes import tick


class FunctionNode(Node):
    """The node of a Function; each Function has a class of its own, named after it.

    ctx: the user's context, which holds no reference to this. outputs: how many, if there are several.
    """

    __slots__ = ("__weakref__", "ctx", "level", "outputs")
    ctx: FunctionCtx
    level: int
    outputs: int

    def __getattr__(self, name: str) -> Any:
        if name in FunctionNode.__slots__ or name in Node.__slots__:
            raise AttributeError(name)
        return getattr(self.ctx, name)  # as in torch, where the node is the context

    def __repr__(self) -> str:
        return f"<torch.autograd.function.{self.name()} object at {id(self):#x}>"


class Port(Node):
    """One of several outputs of a Function: its gradient waits here for those of the others."""

    __slots__ = ("level", "port")
    level: int
    port: int

    def show(self) -> Node:
        """The Function's node."""
        above = self.parents[0]
        assert above is not None
        return above

    def name(self) -> str:
        """The name of the Function's node."""
        return self.show().name()


def enter(n: Any, op: Op, parents: tuple[Any, ...], meta: Any) -> Any:
    """Make n a node of op. Inside transforms it lies in the innermost one, as all nodes do."""
    n.level = 0
    if special.alert and (levels := watch().levels):
        n.level = levels[-1].id
        parents = tuple([None if p is None else crossed(p, levels) for p in parents])
        op, meta = op.inner or inner_op(op), (levels, meta)
    n.op, n.parents, n.meta, n.rare = op, parents, meta, None
    n.saved, n.trace = (), None
    n.code, n.lasti = caller(3)
    n.seq = tick()
    return n


def port(n: FunctionNode, number: int) -> Port:
    p = Port()
    p.port = number
    found: Port = enter(p, n.ctx._forward_cls._ops[2], (n,), number)
    return found


# ---- the context


class FunctionCtx:
    """What forward leaves for backward: saved tensors, marks, and any attribute of yours.

    Source: torch.autograd.function.FunctionCtx.
    """

    to_save: tuple[Any, ...] = ()
    saved_for_forward: tuple[Any, ...] = ()
    dirty_tensors: tuple[Any, ...] = ()
    non_differentiable: tuple[Any, ...] = ()
    materialize_grads = True
    needs_input_grad: tuple[bool, ...] = ()
    _forward_cls: Any
    _node: Callable[[], FunctionNode | None] | None = None
    _roles: tuple[Any, ...] = ()  # of each saved tensor: the number of the output that it is, or its node
    _places: tuple[int, ...]  # of the tensors among the arguments
    _inputs: tuple[tuple[Any, Any], ...]  # their shapes and dtypes
    _outputs: tuple[Any, ...]  # of each output (shape, dtype), None for what is no tensor
    _count: int  # of arguments

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for backward, which finds them in `saved_tensors`. Raises: TypeError for anything
        else."""
        for i, t in enumerate(tensors):
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward: argument {i} is {type(t).__name__}; Tensors or None are needed. "
                    "Keep anything else as an attribute of ctx."
                )
        self.to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for jvp."""
        self.saved_for_forward = tensors

    def mark_dirty(self, *args: Tensor) -> None:
        """Say that forward has changed these inputs in place. They must be returned."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Say that these outputs have no gradient."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros for outputs whose gradient is missing (the default), or None."""
        self.materialize_grads = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What forward saved, each with its place in the graph.

        Raises: RuntimeError if a backward has freed it, or it was written in place since.
        """
        if self._node is None:
            return self.saved_for_forward  # in jvp
        n: Any = self._node()
        if n is None:
            raise RuntimeError(
                f"saved_tensors: the graph of this {self._forward_cls.__name__} is gone, and what it saved "
                "with it; ask inside of backward."
            )
        source = n
        while source.saved.__class__ is not tuple:
            source = source.saved.opened(source)
        if source is not n:  # it was recorded anew
            found: tuple[Any, ...] = source.ctx.saved_tensors
            return found
        return tuple([_unpacked(n, x, role) for x, role in zip(n.saved, self._roles, strict=True)])

    saved_variables = saved_tensors


def _unpacked(n: FunctionNode, x: Any, role: Any) -> Tensor | None:
    if x is None:
        return None
    if isinstance(x, Packed):
        x = x.array()
    check_arrays(n, [x])
    if isinstance(role, int):
        return wrap(x, port(n, role) if n.outputs else n)
    return wrap(x, role)


nameless(globals())

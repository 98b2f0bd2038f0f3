"""Nodes as users see them: what they come from, hooks, notes, and what they saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tapegrad._errors import describe
from tapegrad.autograd.hooks import RemovableHandle
from tapegrad.domains import RECORDED
from tapegrad.rare import Rare, late
from tapegrad.stale import check_saved
from tapegrad.tape import AccumulateGrad, Node, Severed
from tapegrad.tensor import Tensor
from tapegrad.views import box, fresh
from tapegrad.writes import wrote_all

# What torch calls the values that nodes save: places in `saved`, which is (output, *inputs).
PLACES = {"result": 0, "self": 1, "other": 2}
SPECIAL = {
    "addmm": {"self": 1, "mat1": 2, "mat2": 3},
    "bmm": {"self": 1, "mat2": 2},
    "mm": {"self": 1, "mat2": 2},
    "pow": {"self": 1, "exponent": 2, "result": 0},
    "where": {"condition": 1, "self": 2, "other": 3},
}


class GradientEdge(NamedTuple):
    """Where a gradient passes: output `output_nr` of the operation `node`. `backward` and `grad` take it in
    place of a tensor, whose memory it does not keep. Source: torch.autograd.graph.GradientEdge."""

    node: Node
    output_nr: int
    ownership_token: Node | None = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge at which a tensor's gradient arrives. Raises: RuntimeError if it does not require grad.

    Source: torch.autograd.graph.get_gradient_edge.
    """
    if not isinstance(tensor, Tensor):
        raise AttributeError(f"get_gradient_edge: {type(tensor).__name__} is given; a Tensor is needed.")
    n = node_of(tensor)
    if n is None:
        raise RuntimeError(
            f"get_gradient_edge: this {describe(tensor)} tensor does not require grad; call requires_grad_() "
            "first."
        )
    return GradientEdge(*shown(n))


def node_of(t: Tensor) -> Node | None:
    """A tensor's node, up to date."""
    if t._cold is not None:
        fresh(t)
    return t._node


def shown(n: Node) -> tuple[Node, int]:
    """A node as users see it, and which of that node's outputs it stands for."""
    if n.port is not None:  # one output of an operation that has several
        above = n.parents[0]
        assert above is not None
        return above, n.port
    return (n.show() if type(n) is Node else n), 0


def output_nr(self: Tensor) -> int:
    """Which output of its grad_fn a tensor is."""
    n = node_of(self)
    return 0 if n is None else shown(n)[1]


def next_functions(self: Node) -> tuple[tuple[Node | None, int], ...]:
    """The nodes of this operation's inputs, each with the number of that node's output; (None, 0) for an
    input that needs no gradient."""
    return tuple([(None, 0) if p is None or p.__class__ is Severed else shown(p) for p in self.parents])


def metadata(self: Node) -> dict[Any, Any]:
    """A dictionary for your own notes."""
    rare = _rare(self)
    if rare.metadata is None:
        rare.metadata = {}
    return rare.metadata


def _rare(n: Node) -> Rare:
    if n.rare is None:
        n.rare = Rare()
    return n.rare


def register_hook(self: Node, hook: Callable[..., Any]) -> RemovableHandle:
    """Call hook(grad_inputs, grad_outputs) after this operation's derivative was computed: tuples of Tensors,
    None where there is no gradient. A tuple that it returns replaces grad_inputs."""
    late.wanted = True
    return RemovableHandle(_rare(self).post, hook)


def register_prehook(self: Node, hook: Callable[..., Any]) -> RemovableHandle:
    """Call hook(grad_outputs) before this operation's derivative is computed. A tuple that it returns
    replaces grad_outputs."""
    return RemovableHandle(_rare(self).pre, hook)


def sequence_nr(self: Node) -> int:
    """When it was recorded: larger is later."""
    return self.seq


def saved_value(key: str) -> property:
    """The property `_saved_self`, `_saved_result`, ...: what an operation keeps for its derivative.

    It raises RuntimeError if a backward has freed it, or it was written in place; AttributeError for what is
    not kept.
    """

    def value(self: Node) -> Any:
        place = None if self.op is None else SPECIAL.get(self.op.name, PLACES).get(key)
        reads = self.op.reads if place is not None else ()
        source: Any = self
        if reads:
            while source.saved.__class__ is not tuple:
                source = source.saved.opened(source)
        if place not in {k for p, ks in zip(self.parents, reads, strict=False) if p is not None for k in ks}:
            raise AttributeError(f"{self.name()}: it has no attribute '_saved_{key}'.")
        check_saved(source)
        return RECORDED.attach(self, source.saved)[place]

    return property(value)


def install() -> None:
    """Give nodes what users ask of them. The tape itself sees no Tensors."""
    methods = {
        "_sequence_nr": sequence_nr,
        "metadata": property(metadata),
        "next_functions": property(next_functions),
        "register_hook": register_hook,
        "register_prehook": register_prehook,
    }
    for name, method in methods.items():
        setattr(Node, name, method)
    for key in {*PLACES, *[k for places in SPECIAL.values() for k in places]}:
        setattr(Node, f"_saved_{key}", saved_value(key))  # not by __getattr__: it slows every attribute down


def increment_version(tensor: Any) -> None:
    """Say that tensors were written in place by other means: what saved them before is stale.

    Raises: RuntimeError for what is no Tensor. Source: torch.autograd.graph.increment_version.
    """
    every = (tensor,) if isinstance(tensor, Tensor) else tuple(tensor)
    for t in every:
        if not isinstance(t, Tensor):
            raise RuntimeError(f"increment_version: {type(t).__name__} is given; a Tensor is needed.")
    wrote_all([box(t) for t in every])


__all__ = ["AccumulateGrad", "GradientEdge", "Node", "get_gradient_edge", "node_of", "shown"]

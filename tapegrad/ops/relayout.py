"""Tensors that change their own shape in place: t_, squeeze_, as_strided_ and so on.

The tensor shows the same memory through a view op from then on, and its node is that op's, under torch's name
for the in-place form. As in torch it counts as a write: what was saved is stale, and the other views of the
memory are derived anew, by strides where the steps that cut them lead elsewhere now (`layouts.path_now`).
"""

from __future__ import annotations

from copy import copy
from typing import Any

from tapegrad import layouts
from tapegrad._state import set_rebased
from tapegrad.define import offer
from tapegrad.define.describing import InPlace
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.strided import geometry_of
from tapegrad.levels import arrays_of
from tapegrad.ops import moves, shape, views
from tapegrad.promotion import need_tensor
from tapegrad.rare import succeed
from tapegrad.tape import Node, Op, record
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import check_history, is_view, view_of
from tapegrad.writes import wrote_all

_twins: dict[Any, Any] = {}  # by view op: the same op under the name of the in-place form


def _twin(op: Op, title: str) -> Op:
    """A view op under another name of its node."""
    twin = copy(op)
    twin.inner = None
    twin.shown = type(title, (Node,), {"__slots__": (), "__module__": "tapegrad.tape"})
    return twin


for _view, _title in (
    (moves.t, "TBackward1"),
    (moves.transpose, "TransposeBackward1"),
    (moves.unsqueeze, "UnsqueezeBackward1"),
    (moves.squeeze_all, "SqueezeBackward3"),
    (moves.squeeze_dim, "SqueezeBackward4"),
    (moves.squeeze_dims, "SqueezeBackward5"),
    (views.strided, "AsStridedBackward1"),
):
    _twins[_view.op] = _twin(_view.op, _title)


def _change(t: Tensor, shown: Tensor) -> None:
    """Make t show what the view op has made of it."""
    layouts.pattern.op = views.strided.op
    old, node, above, c = t._a, t._node, t._cold, shown._cold
    op = _twins.get(c.op, c.op)
    wrote_all(arrays_of(old))
    args = c.args
    if above is not None and above.parent is not None:
        if c.parent is t:  # one step further on the way from the base
            before = wrap(old, node)
            before._cold = above
            c = view_of(before, op, args)
        else:  # as_strided starts from the base, but its gradient is the view's
            args = (*args[:-1], geometry_of(old))
        c.made, c.seen, c.leaf = above.made, above.seen, above.leaf
        t._cold = c
    t._a = shown._a
    if node is not None and node.op is not None:
        set_rebased()
        succeed(t, record(op, (node,), (), (old.shape, args), None))


def relayout(name: str, view: Any) -> Any:
    """The in-place form of a view function."""

    def call(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_history(need_tensor(input, name), name)
        shown = view(input, *args, **kwargs)
        if shown is not input and is_view(shown):
            _change(input, shown)
        return input

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`{view.__name__}` of this tensor, in place: it has another shape from then on."
    call.function = view  # type: ignore[attr-defined] # the stub generator reads the signature there
    call.__signature__ = InPlace(view)  # type: ignore[attr-defined] # what `inspect` asks for
    return call


t_ = relayout("t_", shape.t)
transpose_ = relayout("transpose_", shape.transpose)
swapaxes_ = relayout("swapaxes_", views.swapaxes)
swapdims_ = relayout("swapdims_", views.swapdims)
squeeze_ = relayout("squeeze_", shape.squeeze)
unsqueeze_ = relayout("unsqueeze_", shape.unsqueeze)
as_strided_ = relayout("as_strided_", views.as_strided)


offer(
    globals(),
    methods="squeeze_ swapaxes_ swapdims_ t_ transpose_ unsqueeze_",
    both="as_strided_",
)
nameless(globals())

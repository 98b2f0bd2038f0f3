"""What views show, copied: one copying function per view function, derived from it.

A view remembers the op that cut it and with what arguments. The copying op has the same rule, and a kernel
that copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import Parameter, signature
from typing import Any

from numpy import ndarray

import tapegrad.define.batching as B
import tapegrad.kernels.strided as S
from tapegrad.define import finish, indexing, linear, offer, several
from tapegrad.kernels.errstate import nameless
from tapegrad.ops import index, moves, parts, shape, views
from tapegrad.ops.sizes import resolved
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor
from tapegrad.views import is_view

_twins: dict[Any, Any] = {}  # by view op: the op that copies what it shows


def _twin(view: Any, key: str) -> Any:
    """The copying op of a view op."""
    op = view.op
    twin = linear(
        key,
        lambda x, *args: op.forward(x, *args).copy("C"),
        None,
        title=f"{op.shown.__name__}_copy",
        batch=op.batch,
    )
    twin.op.vjp = op.vjp
    return twin


for _key, _source in {
    "view_copy": moves.view,
    "transpose_copy": moves.transpose,
    "t_copy": moves.t,
    "permute_copy": moves.permute,
    "squeeze_copy": moves.squeeze_all,
    "squeeze_copy.dim": moves.squeeze_dim,
    "squeeze_copy.dims": moves.squeeze_dims,
    "unsqueeze_copy": moves.unsqueeze,
    "expand_copy": moves.expand,
    "select_copy": index.getitem,
    "slice_copy": index.sliced,
    "alias_copy": index.whole,
    "diagonal_copy": views.diagonal_at,
    "unfold_copy": views.windows,
}.items():
    _twins[_source.op] = _twin(_source, _key)


diagonal_copied = _twins[views.diagonal_at.op]  # by (offset, dim1, dim2), checked


def copying(name: str, view: Any) -> Any:
    """The function that copies what `view` shows: call(input, *args of view)."""

    def call(input: Tensor, *args: Any, out: Tensor | None = None, **kwargs: Any) -> Tensor:
        shown = view(need_tensor(input, name), *args, **kwargs)
        if shown is input:
            result: Tensor = _twins[index.whole.op](input, ...)
        elif is_view(shown) and shown._cold.parent is input and shown._cold.op in _twins:
            result = _twins[shown._cold.op](input, *shown._cold.args)
        else:  # what is no view is a copy already
            result = moves.contiguous(shown) if is_view(shown) else shown
        return finish(result, out, name, (input,))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"What `{view.__name__}` shows, copied."
    kinds = signature(view)
    last = Parameter("out", Parameter.KEYWORD_ONLY, default=None, annotation="Tensor | None")
    known = [p for p in kinds.parameters.values() if p.name != "out"]
    call.__signature__ = kinds.replace(parameters=[*known, last])  # type: ignore[attr-defined] # as inspect reads it
    return call


def _slice(
    input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """The entries from start to end along a dimension, `step` apart."""
    i, _ = views.sized(input, dim, "slice_copy", IndexError)
    if step < 1:
        raise RuntimeError(f"slice_copy: step is {step}; 1 or more is needed.")
    return views.picked(input, i, slice(start, end, step))


def _view(input: Tensor, size: Any = None, dtype: Any = None) -> Tensor:
    """input in another shape, or another dtype."""
    if isinstance(size, (tuple, list)):  # also where only a copy has that shape
        copied: Tensor = _twins[moves.view.op](input, resolved(tuple(size), input._a, "view_copy"))
        return copied
    shown: Tensor = moves.contiguous(
        shape.view(input, dtype if size is None else size)
    )  # it is no view to us
    return shown


def _alias(input: Tensor) -> Tensor:
    """All of input."""
    return input


def _unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """All windows along a dimension."""
    return views.unfold(input, dimension, size, step)


alias_copy = copying("alias_copy", _alias)
diagonal_copy = copying("diagonal_copy", views.diagonal)
expand_copy = copying("expand_copy", shape.expand)
permute_copy = copying("permute_copy", shape.permute)
select_copy = copying("select_copy", views.select)
slice_copy = copying("slice_copy", _slice)
squeeze_copy = copying("squeeze_copy", shape.squeeze)
t_copy = copying("t_copy", shape.t)
transpose_copy = copying("transpose_copy", shape.transpose)
unfold_copy = copying("unfold_copy", _unfold)
unsqueeze_copy = copying("unsqueeze_copy", shape.unsqueeze)
view_copy = copying("view_copy", _view)


def detach_copy(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A copy outside the graph."""
    return finish(moves.clone(need_tensor(input, "detach_copy").detach()), out, "detach_copy", (input,))


# ---- by strides, along a dimension, in several parts

pattern, _ = indexing(
    ("as_strided_copy", "as_strided_copy.back"),
    S.gather,
    S.scatter,
    titles=("AsStridedBackward0_copy", "AsStridedBackward0"),
    batch=(B.shifted(views.in_batch), B.shifted(views.in_batch)),
)
pattern.op.reads = ()  # nothing is saved for it
views.strided.op.call = pattern  # in rules: what is not the memory's own tensor lies there otherwise
_narrow = linear(
    "narrow_copy",
    lambda x, at: x[at].copy("C"),
    lambda F, g, shape, at: F.putitem(g, at, shape),
    batch=B.cut,
)


def as_strided_copy(
    input: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    storage_offset: int | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """What `as_strided` shows, copied."""
    at = views.pattern_of(input, size, stride, storage_offset, "as_strided_copy")
    t: Tensor = pattern(input, *at)
    if isinstance(input._a, ndarray) and input._a.base is not None:  # what lies beside it is seen, too
        t._a = S.as_strided(input._a, *at).copy()
    return finish(t, out, "as_strided_copy", (input,))


def narrow_copy(
    input: Tensor, dim: int, start: int | Tensor, length: int, *, out: Tensor | None = None
) -> Tensor:
    """What `narrow` shows, copied."""
    at = views.narrowed(input, dim, start, length, "narrow_copy")
    return finish(_narrow(input, at), out, "narrow_copy", (input,))


_split = several("split_copy", parts.split_back, parts.entry, copies="SplitBackward0_copy")
_sections = several(
    "split_with_sizes_copy", parts.split_back, parts.entry, copies="SplitWithSizesBackward0_copy"
)
_unbind = several("unbind_copy", parts.unbind_back, parts.entry, copies="UnbindBackward0_copy")


def _all(results: Sequence[Tensor], out: Any, op: str, input: Tensor) -> Any:
    """The results, or nothing if they were written into the tensors of `out`."""
    if out is None:
        return tuple(results)
    if len(out) != len(results):
        raise RuntimeError(
            f"{op}: out has {len(out)} tensors and there are {len(results)} results; one for each is needed."
        )
    for t, o in zip(results, out, strict=True):
        finish(t, o, op, (input,))
    return None


def split_copy(input: Tensor, split_size: int, dim: int = 0, *, out: Any = None) -> Any:
    """The parts that `split` shows, copied."""
    found = parts.equal_pieces(_split, need_tensor(input, "split_copy"), split_size, dim, "split_copy")
    return _all(found, out, "split_copy", input)


def split_with_sizes_copy(input: Tensor, split_sizes: Sequence[int], dim: int = 0, *, out: Any = None) -> Any:
    """The parts that `split_with_sizes` shows, copied."""
    at = parts.given_lengths(
        need_tensor(input, "split_with_sizes_copy"), split_sizes, dim, "split_with_sizes_copy"
    )
    return _all(parts.pieces_of(_sections, input, *at), out, "split_with_sizes_copy", input)


def unbind_copy(input: Tensor, dim: int = 0, *, out: Any = None) -> Any:
    """The entries that `unbind` shows, copied."""
    n = parts.entries(input, dim, "unbind_copy")
    return _all(_unbind(input, *n), out, "unbind_copy", input)


offer(
    globals(),
    functions=(
        "alias_copy as_strided_copy detach_copy diagonal_copy expand_copy permute_copy select_copy "
        "slice_copy split_copy split_with_sizes_copy squeeze_copy t_copy transpose_copy unbind_copy "
        "unfold_copy unsqueeze_copy view_copy"
    ),
    both="narrow_copy",
)
nameless(globals())

"""Entries along a dimension, by a list of indices: selected, replaced, added, filled, reduced."""

from __future__ import annotations

from typing import Any

import tapegrad.define.batching as B
import tapegrad.kernels.gathering as G
from tapegrad._errors import sizes
from tapegrad.define import Function, cast, finish, indexing, linear, offer, opaque, store
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Storage
from tapegrad.naming import argument
from tapegrad.ops.gather import Groups, check_reduction, in_rows, index_array, reduce_rule, row_of
from tapegrad.ops.pointwise import mul
from tapegrad.ops.shape import expand, reshape
from tapegrad.promotion import NUMBERS, need_tensor, number
from tapegrad.tensor import Tensor, axis, wrap
from tapegrad.views import standalone

_select, _spread = indexing(
    ("index_select", "index_select.back"),
    G.index_select,
    G.index_spread,
    titles=("IndexSelectBackward0", "IndexAddBackward0"),
    batch=(B.entrywise("gather"), B.entrywise("gather.back")),
)
_without: Function = linear(
    "index_fill.zero",
    G.index_without,
    lambda F, g, _, index, dim: F.apply(_without.op, g, index, dim),
    batch=B.entrywise("scatter.zero"),
)


def _taken(F: Any, g: Any, shapes: Any, index: Any, dim: int) -> Any:
    """The entries of g, in the shape of src, which may be 0-d."""
    part = F.apply(_select.op, g, index, dim)
    return part if part.shape == shapes[1] else F.reshape(part, shapes[1])


def _left(F: Any, g: Any, shapes: Any, index: Any, dim: int, *_: Any) -> Any:
    return F.apply(_without.op, g, index, dim)


def _filling(F: Any, g: Any, shapes: Any, index: Any, dim: int) -> Any:
    """The sum over what was filled."""
    left = F.apply(_without.op, F.zeros_like(g) + 1, index, dim)
    return F.sum_to(F.where(left == 0, g, 0), ())


_add = opaque(
    "index_add",
    G.index_add,
    linear=True,
    d=(lambda F, g, shapes, index, dim: g, _taken),
    batch=B.entrywise("scatter_add"),
)
_copy = opaque("index_copy", G.index_copy, linear=True, d=(_left, _taken), batch=B.entrywise("scatter.src"))
_fill = opaque("index_fill", G.index_fill, d=(_left,), batch=B.entrywise("scatter.value"))
_fill_with = opaque(
    "index_fill.tensor",
    G.index_fill_with,
    linear=True,
    d=(_left, _filling),
    title="IndexFillBackward1",
    batch=B.entries_filled,
)
for _f in (_without, _add, _copy, _fill, _fill_with):
    _f.op.reads = ((),) * (1 if _f in (_without, _fill) else 2)  # as in `indexing`


def _reduction(which: int) -> Any:
    def rule(
        F: Any, g: Any, y: Any, x: Any, src: Any, shapes: Any, index: Any, dim: int, how: str, own: bool
    ) -> Any:
        # The rule of places serves entries: each names one place per element.
        places = F.places_along(index, shapes[1], dim)
        return reduce_rule(F, g, y, x, src, Groups(F, shapes, places, dim), how, own, which)

    return rule


_reduce = opaque(
    "index_reduce",
    G.index_reduce,
    saves=((-1, 0, 1), (-1, 0, 1)),
    d=(_reduction(0), _reduction(1)),
    batch=B.entrywise("scatter_reduce"),
)


def places_along(index: Any, shape: tuple[int, ...], dim: int) -> Any:
    """An index of entries as one of places, as rules call it: index may be an array, and the result is
    one."""
    a = index._a if isinstance(index, Tensor) else index
    if not isinstance(a, Storage):
        return G.spanned(a, shape, dim)
    thin = (*(1,) * dim, -1, *(1,) * (len(shape) - 1 - dim)) if shape else ()
    return expand(reshape(wrap(a), thin), shape)._a


def _along(input: Any, dim: int, index: Any, op: str, **kinds: Any) -> tuple[int, Any]:
    """dim counted from the front, and the index with one dimension."""
    if in_rows(input, dim, index):
        return 0, index._a
    i = axis(dim, need_tensor(input, op)._a.ndim, op)
    flat = need_tensor(index, op, "index")._a.ndim < 2
    if flat or op == "index_fill":
        a = index_array(index, op, **kinds)
    if not flat:
        raise (RuntimeError if op == "index_fill" else IndexError)(
            f"{op}: {argument('index', index)} is {sizes(index._a.shape)}; at most one dimension is possible."
        )
    return i, a if a.ndim else a.reshape((1,))


def index_select(input: Tensor, dim: int, index: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The entries of input along dim that index names, copied.

    Raises: IndexError or RuntimeError for an index out of range (torch has both), or of another dtype than
    int64 and int32.
    """
    i, a = _along(input, dim, index, "index_select")
    if not input._a.ndim and a.size != 1:
        raise RuntimeError(f"index_select: input is 0-d and index has {a.size} elements; 1 is needed.")
    return finish(_select(input, a, i), out, "index_select", (input, index))


def _same_dtype(input: Tensor, source: Tensor, op: str) -> None:
    if source._kind is not input._kind:
        raise RuntimeError(f"{op}: source is {source.dtype} and input {input.dtype}; they must be equal.")


def _entries(i: int, index: Any, source: Any, op: str, error: Any) -> None:
    """Raises: `error` if source has not one entry for each index."""
    s = source._a.shape
    if (s[i] if i < len(s) else 1) != index.size:
        raise error(
            f"{op}: {argument('source', source)} is {sizes(s)} and index has {index.size} elements; "
            f"source must have as many entries along dimension {i}."
        )


def _wanted(input: Tensor, i: int, index: Any) -> tuple[int, ...]:
    x = input._a.shape
    return (*x[:i], index.size, *x[i + 1 :]) if x else ()


def _source(input: Tensor, i: int, index: Any, source: Any, op: str) -> Tensor:
    """The source. Raises: RuntimeError or IndexError if it does not fit."""
    s = need_tensor(source, op, "source")._a
    _same_dtype(input, source, op)
    _entries(i, index, source, op, RuntimeError if s.ndim or i else IndexError)
    wanted = _wanted(input, i, index)
    if s.shape != wanted:
        raise RuntimeError(
            f"{op}: {argument('source', source)} is {sizes(s.shape)}; {sizes(wanted)} is needed."
        )
    return source  # type: ignore[no-any-return] # a Tensor


def _copied_source(input: Tensor, i: int, index: Any, source: Any) -> Tensor:
    """The source of index_copy, which may be 0-d for one element. Raises: IndexError or RuntimeError if it
    does not fit, in torch's order."""
    s, n, op = need_tensor(source, "index_copy", "source")._a.shape, input._a.ndim, "index_copy"
    if not s:
        _entries(i, index, source, op, IndexError)
    elif n and len(s) != n:
        raise IndexError(f"{op}: {argument('source', source)} is {sizes(s)}; {n} dimensions are needed.")
    _same_dtype(input, source, op)
    wanted = _wanted(input, i, index)
    if (*s[:i], *s[i + 1 :]) != (*wanted[:i], *wanted[i + 1 :]):
        raise RuntimeError(f"{op}: {argument('source', source)} is {sizes(s)}; {sizes(wanted)} is needed.")
    _entries(i, index, source, op, IndexError)
    return source if s == wanted or not n else reshape(source, wanted)


def index_add(
    input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1, out: Tensor | None = None
) -> Tensor:
    """A copy of input with alpha times the entries of source added to those that index names; a repeated one
    gets every share.

    Raises: RuntimeError for another dtype, shapes that do not fit; IndexError or RuntimeError for an index
    out of range.
    """
    i, a = 0, row_of(input, dim, index, source)
    if a is None:
        i, a = _along(input, dim, index, "index_add")
        source = _source(input, i, a, source, "index_add")
    if alpha != 1:
        source = mul(source, wrap(number(alpha, input._kind)))
    result = _add(input, source, a, i)
    return result if out is None else store(result, out, "index_add", (input, index, source))


def index_copy(
    input: Tensor, dim: int, index: Tensor, source: Tensor, *, out: Tensor | None = None
) -> Tensor:
    """A copy of input with the entries of source in place of those that index names.

    Raises: RuntimeError for another dtype, IndexError for an index out of range or shapes that do not fit.
    """
    i, a = _along(input, dim, index, "index_copy", kinds=())
    source = _copied_source(input, i, a, source)
    if source._a.ndim > input._a.ndim:  # a 0-d input is written as the one element of a row
        result = standalone(reshape(_copy(reshape(input, (1,)), source, a, i), ()))
    else:
        result = _copy(input, source, a, i)
    return finish(result, out, "index_copy", (input, index, source))


def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy of input with a number, or a 0-d tensor, in the entries that index names; it may count from the
    end.

    Raises: IndexError for an index out of range or of another dtype, RuntimeError for a value with
    dimensions.
    """
    if isinstance(value, Tensor) and value._a.ndim:
        shape = sizes(value._a.shape)
        raise RuntimeError(f"index_fill: value is {shape}; a number or a 0-d tensor is needed.")
    i, a = _along(input, dim, index, "index_fill", kinds=(), error=IndexError)
    n = input._a.shape[i] if input._a.ndim else 1
    if isinstance(a, Storage):
        a = (wrap(a) % max(n, 1))._a
    elif a.size and int(a.min()) < 0 and int(a.min()) >= -n:
        a = a + n * (a < 0)
    if isinstance(value, NUMBERS):
        if isinstance(value, complex) and not input.is_complex():
            raise RuntimeError(f"index_fill: value is {value} and input {input.dtype}; a real one is needed.")
        result: Tensor = _fill(input, a, i, number(value, input._kind))
        return result
    v = need_tensor(value, "index_fill", "value")
    return _fill_with(input, v if v._kind is input._kind else cast(v, input._kind), a, i)


def index_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
    out: Tensor | None = None,
) -> Tensor:
    """A copy of input with the prod, mean, amax or amin of the entries of source that go to each entry that
    index names, and (with include_self) of its own.

    Raises: RuntimeError for another reduce or dtype, IndexError for an index out of range.
    """
    i, a = _along(input, dim, index, "index_reduce")
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce: reduce is {reduce!r}; 'prod', 'mean', 'amax' or 'amin' is needed.")
    check_reduction(input, reduce, "index_reduce")
    source = _source(input, i, a, source, "index_reduce")
    result = _reduce(input, source, a, i, reduce, bool(include_self))
    return finish(result, out, "index_reduce", (input, index, source))


offer(
    globals(),
    both="index_add index_copy index_fill index_reduce index_select",
    in_place="index_add index_copy index_fill index_reduce",
    rules="places_along",
)
nameless(globals())

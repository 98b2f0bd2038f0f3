"""Elements at places along a dimension: read (gather), written (scatter), added and reduced.

The index names, for each element of the result or of the source, its place along one dimension; along the
others an element stays where it is. Rules need one-array ops only, so that they run in any domain.
"""

from __future__ import annotations

from typing import Any

from numpy import ndarray

import tapegrad.define.batching as B
import tapegrad.kernels.gathering as G
from tapegrad._errors import describe, say_once, sizes
from tapegrad.define import Function, finish, indexing, linear, offer, opaque, store
from tapegrad.dtypes import B1, I8, int32
from tapegrad.kernels.errstate import nameless
from tapegrad.naming import argument
from tapegrad.ops.moves import expand, unsafe_view
from tapegrad.promotion import NUMBERS, fitting, need_tensor
from tapegrad.tensor import Tensor, axis, wrap

_gather, _spread = indexing(
    ("gather", "gather.back"),
    G.gather,
    G.spread,
    titles=("GatherBackward0", "ScatterAddBackward0"),
    batch=(B.gathered, B.spread_along),
)
_without: Function = linear(
    "scatter.zero",
    G.without,
    lambda F, g, _, index, dim: F.apply(_without.op, g, index, dim),
    title="ScatterBackward1",
    batch=B.scattered_along,
)
_scatter = opaque(
    "scatter.src",
    G.scatter,
    linear=True,
    d=(
        lambda F, g, shapes, index, dim: F.apply(_without.op, g, index, dim),
        lambda F, g, shapes, index, dim: F.apply(_gather.op, g, index, dim),
    ),
    batch=B.scattered_along,
)
_fill = opaque(
    "scatter.value",
    G.fill,
    d=(lambda F, g, shapes, index, dim, value: F.apply(_without.op, g, index, dim),),
    title="ScatterBackward1",
    batch=B.scattered_along,
)
_add = opaque(
    "scatter_add",
    G.scatter_add,
    linear=True,
    d=(
        lambda F, g, shapes, index, dim: g,
        lambda F, g, shapes, index, dim: F.apply(_gather.op, g, index, dim),
    ),
    batch=B.scattered_along,
)


class Groups:
    """For the rules of reductions: which elements of src go to the same element of the result. `at` gives
    each element of src that of its place, `added` adds up."""

    def __init__(self, F: Any, shapes: Any, index: Any, dim: int) -> None:
        self.F, self.shape, self.index, self.dim = F, shapes[0], index, dim

    def at(self, x: Any) -> Any:
        """x at the place of each element of src."""
        return self.F.apply(_gather.op, x, self.index, self.dim)

    def added(self, v: Any) -> Any:
        """The sum over the elements of src at each place."""
        return self.F.apply(_spread.op, v, self.index, self.dim, self.shape)

    def kept(self, g: Any, include_self: bool) -> Any:
        """g where the result depends on the old value."""
        return g if include_self else self.F.apply(_without.op, g, self.index, self.dim)


def _mark(F: Any, where: Any, like: Any) -> Any:
    """1 where it holds, else 0, in the dtype of `like`."""
    return F.where(where, F.zeros_like(like) + 1, 0)


def _others(F: Any, product: Any, x: Any, zeros: Any, zero: Any) -> Any:
    """The product of the others in a group: `product` is that of the elements that are not 0, `zeros` their
    number, and `zero` the sum of the elements that are 0, each for the group of x.

    Where one of the others is 0, the result is 0 but depends on that one.
    """
    here = x == 0
    rest = product / F.where(here, 1, x)
    k = zeros - _mark(F, here, product)
    return F.where(k == 0, rest, F.where(k == 1, rest * (zero - F.where(here, x, 0)), 0))


def _prod_rule(F: Any, g: Any, x: Any, src: Any, of: Groups, include: bool, which: int) -> Any:
    product = F.reduced_at(
        F.where(x == 0, 1, x), F.where(src == 0, 1, src), of.index, of.dim, "prod", include
    )
    zeros = of.added(_mark(F, src == 0, src))
    zero = of.added(F.where(src == 0, src, 0))
    if include:
        zeros, zero = zeros + _mark(F, x == 0, x), zero + F.where(x == 0, x, 0)
    if which == 0:
        return g * (_others(F, product, x, zeros, zero) if include else F.zeros_like(g) + 1)
    return of.at(g) * _others(F, of.at(product), src, of.at(zeros), of.at(zero))


def _extreme_rule(F: Any, g: Any, y: Any, x: Any, src: Any, of: Groups, which: int) -> Any:
    """All elements that are the extreme share the cotangent."""
    chosen = src == of.at(y)
    g = g / (_mark(F, x == y, g) + of.added(_mark(F, chosen, src)))
    return _mark(F, x == y, g) * g if which == 0 else _mark(F, chosen, src) * of.at(g)


def reduce_rule(F: Any, g: Any, y: Any, x: Any, src: Any, of: Groups, how: str, own: bool, which: int) -> Any:
    """The cotangent of x (which = 0) or src (1) of a reduction at places."""
    if how in ("amax", "amin"):
        g = _extreme_rule(F, g, y, x, src, of, which)
    elif how == "prod":
        g = _prod_rule(F, g, x, src, of, own, which)
    else:
        if how == "mean":
            n = of.added(F.zeros_like(src) + 1) + int(own)
            g = g / F.where(n == 0, 1, n)
        if which:
            g = of.at(g)
    return g if which else of.kept(g, own)


def _rule(which: int) -> Any:
    def rule(
        F: Any, g: Any, y: Any, x: Any, src: Any, shapes: Any, index: Any, dim: int, how: str, own: bool
    ) -> Any:
        return reduce_rule(F, g, y, x, src, Groups(F, shapes, index, dim), how, own, which)

    return rule


_reduce = opaque(
    "scatter_reduce",
    G.scatter_reduce,
    saves=((-1, 0, 1), (-1, 0, 1)),
    d=(_rule(0), _rule(1)),
    batch=B.scattered_along,
)
for _f in (_without, _scatter, _fill, _add):
    _f.op.reads = _f.op.reads or ((),) * (2 if _f in (_scatter, _add) else 1)  # as in `indexing`


def reduced_at(x: Tensor, src: Tensor, index: Any, dim: int, how: str, include_self: bool) -> Tensor:
    """scatter_reduce as rules call it: all is checked, and index may be an array."""
    return _reduce(x, src, index._a if isinstance(index, Tensor) else index, dim, how, include_self)


# ---- argument forms


def index_array(
    index: Any, op: str, kinds: tuple[Any, ...] = (I8, int32.numpy), error: Any = RuntimeError
) -> Any:
    """An index tensor's integers as int64. Raises: RuntimeError (or `error`) for another dtype."""
    a = need_tensor(index, op, "index")._a
    if index._kind is I8:
        return a
    if index._kind not in kinds:
        raise error(
            f"{op}: index is {describe(index)}; torch.int64 is needed. Convert it, e.g. with .long()."
        )
    return a.astype(I8)


def in_rows(input: Any, dim: Any, index: Any) -> bool:
    """Whether both are 1-d, and nothing is left to check but the range."""
    return (
        (dim == 0 or dim == -1)
        and isinstance(input, Tensor)
        and isinstance(index, Tensor)
        and index._kind is I8
        and input._a.ndim == index._a.ndim == 1
    )


def row_of(input: Any, dim: Any, index: Any, src: Any) -> Any:
    """The index's array where that holds, and src has an element for each index; None elsewhere."""
    try:
        a, s = index._a, src._a
        plain = (dim == 0 or dim == -1) and index._kind is I8 and src._kind is input._kind
        return a if plain and input._a.ndim == a.ndim == 1 and s.shape == a.shape else None
    except AttributeError:  # one is no tensor
        return None


def _places(input: Any, dim: int, index: Any, op: str) -> tuple[int, Any]:
    """dim counted from the front, and the index, unless it has no elements."""
    shape = need_tensor(input, op)._a.shape
    i, a = axis(dim, len(shape), op), index_array(index, op)
    if a.size and max(a.ndim, 1) != max(len(shape), 1):
        raise RuntimeError(
            f"{op}: {argument('index', index)} is {sizes(a.shape)} and {argument('input', input)} is "
            f"{sizes(shape)}; they must have as many dimensions."
        )
    if a.ndim > 1:
        for d, n in enumerate(a.shape):
            if d != i and a.size and n > shape[d]:
                raise RuntimeError(
                    f"{op}: {argument('index', index)} is {sizes(a.shape)} and {argument('input', input)} is "
                    f"{sizes(shape)}; but for dimension {i} index must not be larger."
                )
    return i, a


def gather(
    input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False, out: Tensor | None = None
) -> Tensor:
    """The elements at places along dim, in the shape of index: y[i, j] = input[index[i, j], j] for dim 0.

    Raises: RuntimeError for an index out of range, of another dtype than int64 or int32, or that is larger
    than input in another dimension.
    """
    i, a = (0, index._a) if in_rows(input, dim, index) else _places(input, dim, index, "gather")
    result = _gather(input, a, i)
    return result if out is None else store(result, out, "gather", (input, index))


def take_along_dim(
    input: Tensor, indices: Tensor, dim: int | None = None, *, out: Tensor | None = None
) -> Tensor:
    """gather with shapes that broadcast, and places modulo the size; without dim, of all elements in a row.

    Raises: RuntimeError for indices that are not int64, or of another number of dimensions.
    """
    x, a = need_tensor(input, "take_along_dim")._a, index_array(indices, "take_along_dim", ())
    if dim is None:
        row = _gather(unsafe_view(input, (x.size,)), a.reshape((a.size,)), 0)
        return finish(row, out, "take_along_dim", (input, indices))
    if a.ndim != x.ndim:
        raise RuntimeError(
            f"take_along_dim: {argument('indices', indices)} is {sizes(a.shape)} and "
            f"{argument('input', input)} is {sizes(x.shape)}; they must have as many dimensions."
        )
    i = axis(dim, x.ndim, "take_along_dim")
    shape = []
    for d, (n, m) in enumerate(zip(x.shape, a.shape, strict=True)):
        if d != i and n != m and 1 not in (n, m):
            raise RuntimeError(
                f"take_along_dim: indices is {sizes(a.shape)} and input is {sizes(x.shape)}; but for "
                f"dimension {i} they must be equal, or one of them 1."
            )
        shape.append(m if d == i or n == 1 else n)
    own = tuple(x.shape[d] if d == i else n for d, n in enumerate(shape))
    if own != x.shape:
        input = expand(input, own)
    at = wrap(a)
    if x.ndim and x.shape[i] and not (type(a) is ndarray and G.outside(a, x.shape[i]) is None):
        at = at % x.shape[i]
    if tuple(shape) != a.shape:
        at = expand(at, tuple(shape))
    return finish(_gather(input, at._a, i), out, "take_along_dim", (input, indices))


def _source(input: Tensor, index: Any, src: Any, op: str) -> Tensor:
    """The part of src that index names places for. Raises: RuntimeError."""
    s = need_tensor(src, op, "src")
    shape = s._a.shape
    if s._kind is not input._kind:
        raise RuntimeError(f"{op}: src is {s.dtype} and input {input.dtype}; they must be equal.")
    if shape == index.shape:
        return s
    if not index.size:
        return s.reshape(-1)[:0].reshape(index.shape)
    n = index.ndim
    larger = any(a > b for a, b in zip(index.shape or (1,), shape or (1,), strict=False))
    if larger or max(len(shape), 1) != max(n, 1):
        raise (IndexError if shape and len(shape) < n and not larger else RuntimeError)(
            f"{op}: index is {sizes(index.shape)} and {argument('src', src)} is {sizes(shape)}; src must "
            "have as many dimensions, and be as large or larger in each."
        )
    if not shape or not n:
        return unsafe_view(s if not shape else s[:1], index.shape)
    return s[tuple([slice(k) for k in index.shape])]


_ADDING = {"add": "sum", "multiply": "prod"}


def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Any = None,
    value: Any = None,
    *,
    reduce: str | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """A copy of input with the elements of src (or a number) at places along dim:
    y[index[i, j], j] = src[i, j] for dim 0. reduce="add" or "multiply" combines them with what is there.

    Raises: RuntimeError for an index out of range, src of another dtype, shapes that do not fit.
    """
    i, a = (0, index._a) if in_rows(input, dim, index) else _places(input, dim, index, "scatter")
    given = src if value is None else value
    if given is None or (src is not None and value is not None):
        raise TypeError(
            "scatter: src and value are both given, or neither; src (a Tensor) or value (a number) is needed."
        )
    if reduce is not None and reduce not in _ADDING:
        raise RuntimeError(f"scatter: reduce is {reduce!r}; 'add' or 'multiply' is needed.")
    number = isinstance(given, NUMBERS)
    if number:
        given = fitting(given, input._kind, "scatter")
    elif value is not None and isinstance(given, Tensor) and not given._a.ndim:
        if given.requires_grad:
            raise TypeError("scatter: value requires grad, and a number has no gradient; pass it as src.")
        given, number = given.item(), True
    if number and reduce is None:
        result: Tensor = _fill(input, a, i, given)
    elif reduce is None:
        result = _scatter(input, _source(input, a, given, "scatter"), a, i)
    else:
        if not number:
            say_once("scatter: reduce= with a tensor src is old; scatter_reduce says the same.")
        source = wrap(G.filled(a.shape, given)) if number else _source(input, a, given, "scatter")
        result = _reduce(input, source, a, i, _ADDING[reduce], True)
    return finish(result, out, "scatter", (input, index, src))


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A copy of input with the elements of src added at places along dim; a repeated place gets every share.

    Raises: RuntimeError for an index out of range, src of another dtype, shapes that do not fit.
    """
    i, a, source = 0, row_of(input, dim, index, src), src
    if a is None:
        i, a = _places(input, dim, index, "scatter_add")
        source = _source(input, a, src, "scatter_add")
    result = _add(input, source, a, i)
    return result if out is None else store(result, out, "scatter_add", (input, index, src))


def check_reduction(input: Tensor, how: str, op: str) -> None:
    """Raises: NotImplementedError for a dtype that has no such reduction."""
    if (how == "mean" and input._kind is B1) or (how in ("amax", "amin") and input._kind.kind == "c"):
        raise NotImplementedError(f"{op}: input is {input.dtype}, which has no {how}; convert it first.")


# What they are called besides.
HOW = {"sum": "sum", "add": "sum", "prod": "prod", "multiply": "prod", "mean": "mean"} | {
    "amax": "amax",
    "max": "amax",
    "amin": "amin",
    "min": "amin",
}


def scatter_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
    out: Tensor | None = None,
) -> Tensor:
    """A copy of input in which each place along dim holds the sum, prod, mean, amax or amin of the elements
    of src that go there, and (with include_self) of its own.

    Raises: RuntimeError for another reduce, an index out of range, shapes that do not fit.
    """
    i, a = _places(input, dim, index, "scatter_reduce")
    if reduce not in HOW:
        raise RuntimeError(
            f"scatter_reduce: reduce is {reduce!r}; 'sum', 'prod', 'mean', 'amax' or 'amin' is needed."
        )
    how = HOW[reduce]
    check_reduction(input, how, "scatter_reduce")
    result = _reduce(input, _source(input, a, src, "scatter_reduce"), a, i, how, bool(include_self))
    return finish(result, out, "scatter_reduce", (input, index, src))


offer(
    globals(),
    both="gather scatter scatter_add scatter_reduce take_along_dim",
    in_place="scatter scatter_add scatter_reduce",
    rules="reduced_at",
)
nameless(globals())

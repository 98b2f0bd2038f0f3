"""Operations that move elements: views, copies, joins. All of them are linear."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.shape as S
from tapegrad._errors import say_once, sizes
from tapegrad.define import cast, offer, store, variadic
from tapegrad.devices import CONTIGUOUS
from tapegrad.dtypes import dtype
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Storage
from tapegrad.naming import argument
from tapegrad.ops import moves
from tapegrad.ops.memory import view_arguments, view_dtype
from tapegrad.ops.sizes import fitted, grown, integers, resolved, shape_for
from tapegrad.promotion import need_tensor, not_a_tensor, result_dtype
from tapegrad.tensor import Tensor, axis, wrap

Dims = int | Sequence[int] | None

# ---- argument forms


def dims_of(dim: Dims, ndim: int, op: str) -> tuple[int, ...] | None:
    """A `dim=` argument as None (all) or a tuple of axes counted from the front.

    Raises: IndexError out of range, RuntimeError for one that comes twice.
    """
    if type(dim) is int and -ndim <= dim < ndim:
        return (dim % ndim,)
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return None
    if isinstance(dim, (tuple, list)):
        dims = tuple([axis(d, ndim, op) for d in dim])
        if len(set(dims)) < len(dims):
            raise RuntimeError(f"{op}: dim is {tuple(dim)}; each dimension may come only once.")
    else:
        dims = (axis(dim, ndim, op),)
    return dims if ndim else None


def numpy_names(op: str, names: dict[str, Any], dim: Any, keepdim: Any = False) -> tuple[Any, Any]:
    """NumPy's `axis=` and `keepdims=` as dim and keepdim: torch's functions take both spellings.

    Raises: TypeError for any other name.
    """
    for name, value in names.items():
        if name == "axis":
            dim = value
        elif name == "keepdims":
            keepdim = value
        else:
            raise TypeError(f"{op}: {name!r} is no argument of {op}; see help(torch.{op}).")
    return dim, keepdim


# ---- shapes


def _can_view(x: Any, shape: tuple[int, ...]) -> bool:
    if x.flags.c_contiguous or x.size <= 1:
        return True
    if isinstance(x, Storage):
        return bool(x.can_view(shape, _can_view))
    return S.runs_on(x.shape, x.strides, shape)


def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The same elements in another shape; one size may be -1. A view where the layout allows, else a copy.

    Raises: RuntimeError if the number of elements differs.
    """
    x = input._a if type(input) is Tensor else need_tensor(input, "reshape")._a
    new = shape_for(shape, x, "reshape")
    if x.flags.c_contiguous:
        return moves.view(input, new)
    return (moves.reshape_alias if _can_view(x, new) else moves.unsafe_view)(input, new)


def view(input: Tensor, *shape: Any, **names: Any) -> Tensor:
    """The same memory in another shape; one size may be -1. Or, with a dtype, its bytes as elements of that;
    no gradient flows through it then.

    Raises: RuntimeError if the number of elements differs, or the layout does not allow it without a copy.
    """
    x = input._a
    if names:
        shape = view_arguments(names)
    if len(shape) == 1 and isinstance(shape[0], dtype):
        return view_dtype(input, shape[0])
    new = shape_for(shape, x, "view")
    if not x.flags.c_contiguous and not _can_view(x, new):
        raise RuntimeError(
            f"view: a {sizes(x.shape)} tensor with strides {input.stride()} cannot be seen as {sizes(new)} "
            "without a copy; use reshape()."
        )
    return moves.view(input, new)


def view_as(input: Tensor, other: Tensor) -> Tensor:
    """view to the shape of other."""
    return view(input, *other._a.shape)


def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """reshape to the shape of other."""
    return reshape(input, *other._a.shape)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions from start_dim to end_dim as one.

    Raises: RuntimeError if start_dim lies behind end_dim.
    """
    x = need_tensor(input, "flatten")._a
    shape = x.shape
    if start_dim == 0 and end_dim == -1 and len(shape) > 1 and x.flags.c_contiguous:
        return moves.view(input, (x.size,))
    i, j = axis(start_dim, len(shape), "flatten"), axis(end_dim, len(shape), "flatten")
    if i > j:
        raise RuntimeError(
            f"flatten: start_dim is {start_dim} and end_dim is {end_dim}; start must not be behind end."
        )
    if len(shape) == 0:
        return reshape(input, 1)
    if i == j:
        return input
    n = 1
    for k in shape[i : j + 1]:
        n *= k
    return reshape(input, *shape[:i], n, *shape[j + 1 :])


def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension."""
    return moves.view(contiguous(need_tensor(input, "ravel")), (input._a.size,))


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Dimension `dim` as several, of the given sizes; one may be -1."""
    shape = need_tensor(input, "unflatten")._a.shape
    i = axis(dim, len(shape), "unflatten")
    if not shape:
        raise RuntimeError("unflatten: input is 0-d; a dimension to split is needed.")
    try:
        part = fitted(shape[i], *sizes)
    except TypeError:
        part = None
    if part is None:
        part = resolved(tuple(sizes), np.broadcast_to(0, shape[i]), "unflatten")
    return reshape(input, *shape[:i], *part, *shape[i + 1 :])


def squeeze(input: Tensor, dim: Dims = None) -> Tensor:
    """Without the dimensions of size 1: all of them, or those in dim."""
    shape = need_tensor(input, "squeeze")._a.shape
    if dim is None:
        return moves.squeeze_all(input, tuple([i for i, n in enumerate(shape) if n == 1]))
    dims = dims_of(dim, len(shape), "squeeze")
    op = moves.squeeze_dim if isinstance(dim, int) else moves.squeeze_dims
    return op(input, tuple([i for i in (range(len(shape)) if dims is None else dims) if shape[i] == 1]))


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With a new dimension of size 1 at dim."""
    result: Tensor = moves.unsqueeze(
        input, axis(dim, need_tensor(input, "unsqueeze")._a.ndim + 1, "unsqueeze")
    )
    return result


def expand(input: Tensor, *sizes_: Any, size: Any = None) -> Tensor:
    """A view in which size-1 and new leading dimensions repeat; -1 keeps a size. It cannot be written in
    place.

    Raises: RuntimeError for a size that is neither the input's nor reachable from 1.
    """
    given = sizes_ if size is None else (size,)
    wanted = given[0] if len(given) == 1 and isinstance(given[0], (tuple, list)) else given
    try:
        new = grown(input._a.shape, *wanted)
    except TypeError:
        wanted = integers(given, "expand")
        new = grown(input._a.shape, *wanted)
    if type(new) is str:
        shapes = f"{argument('input', input)} is {sizes(input._a.shape)} and sizes are {sizes(tuple(wanted))}"
        raise RuntimeError(f"expand: {shapes}; {new}")
    return moves.expand(input, new)


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """expand to the shape of other."""
    return expand(input, other._a.shape)


def broadcast_to(input: Tensor, *shape: Any, size: Any = None) -> Tensor:
    """expand to `shape`."""
    return expand(input, *shape, size=size)


def sum_to(input: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Undo a broadcast: the sum over the dimensions that `shape` lacks or has as 1."""
    return input if input._a.shape == shape else moves.sum_to(input, shape)


# ---- order of dimensions


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two dimensions swapped."""
    n = need_tensor(input, "transpose")._a.ndim
    result: Tensor = moves.transpose(input, axis(dim0, n, "transpose"), axis(dim1, n, "transpose"))
    return result


def t(input: Tensor) -> Tensor:
    """A matrix transposed, as a view; fewer dimensions stay. Raises: RuntimeError for more than two."""
    n = need_tensor(input, "t")._a.ndim
    if n > 2:
        raise RuntimeError(
            f"t: input is {sizes(input._a.shape)} ({n}-d); at most 2-d is needed. Use mT or transpose."
        )
    return moves.t(input)


def permute(input: Tensor, *order_: Any, dims: Sequence[int] | None = None) -> Tensor:
    """A view with the dimensions in another order: permute(1, 0), permute((1, 0)) or permute(dims=(1, 0)).

    Raises: RuntimeError unless each dimension is named once.
    """
    n = need_tensor(input, "permute")._a.ndim
    given = integers(order_ if dims is None else (dims,), "permute")
    order = tuple([axis(d, n, "permute") for d in given]) if len(given) == n else ()
    if len(given) != n or len(set(order)) != n:
        raise RuntimeError(
            f"permute: input is {n}-d and dims are {given}; each dimension is needed exactly once."
        )
    return moves.permute(input, order)


def mT(input: Tensor) -> Tensor:
    """A view with the last two dimensions swapped; a 0-d tensor itself. Raises: RuntimeError for a 1-d
    one."""
    n = input._a.ndim
    if n == 0:
        say_once("mT: input is 0-d, which torch will refuse; leave mT out.")
        return input
    if n == 1:
        raise RuntimeError(f"mT: input is {sizes(input._a.shape)} (1-d); 2-d or more is needed.")
    return moves.transpose(input, n - 2, n - 1)


def T(input: Tensor) -> Tensor:
    """A view with all dimensions reversed."""
    n = input._a.ndim
    if n > 2:
        say_once(f"T: input is {n}-d, where torch will stop reversing dimensions; use mT, or permute.")
    return moves.permute(input, tuple(range(n - 1, -1, -1)))


# ---- copies


def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy, through which gradients flow, in the layout of input; with torch.contiguous_format in row-major
    order."""
    copy = moves.contiguous if memory_format is CONTIGUOUS else moves.clone
    result: Tensor = copy(need_tensor(input, "clone"))
    return result


def contiguous(input: Tensor, memory_format: Any = None) -> Tensor:
    """input itself if its elements lie in row-major order, else a copy where they do."""
    return input if input._a.flags.c_contiguous else moves.contiguous(input)


# ---- joins


def along(dim: int, *at: Any) -> tuple[Any, ...]:
    """An index that takes all of `dim` dimensions, and `at` behind them."""
    return (*(slice(None),) * dim, *at)


def _cat_vjp(F: Any, g: Any, shapes: Sequence[tuple[int, ...]], need: Any, dim: int) -> list[Any]:
    gs, start = [], 0
    for shape, p in zip(shapes, need, strict=True):
        if len(shape) != len(g.shape):  # an empty 1-d tensor that joined
            gs.append(None if p is None else F.blank(shape, g))
            continue
        stop = start + shape[dim]
        gs.append(None if p is None else F.getitem(g, along(dim, slice(start, stop))))
        start = stop
    return gs


def _stack_vjp(F: Any, g: Any, _shapes: Any, need: Any, dim: int) -> list[Any]:
    return [None if p is None else F.getitem(g, along(dim, i)) for i, p in enumerate(need)]


_cat = variadic("cat", S.cat, _cat_vjp)
_stack = variadic("stack", S.stack, _stack_vjp)


def listed(tensors: Any, op: str) -> Sequence[Tensor]:
    """A sequence of one Tensor or more, as a list, or itself. Raises: TypeError, ValueError, RuntimeError."""
    many = type(tensors) is list or type(tensors) is tuple
    if many and tensors:
        for x in tensors:
            if not isinstance(x, Tensor):
                break
        else:
            return tensors  # type: ignore[no-any-return] # a list or tuple of Tensors
    if not many and (isinstance(tensors, Tensor) or not isinstance(tensors, Iterable)):
        raise TypeError(f"{op}: tensors is {type(tensors).__name__}; a tuple or list of Tensors is needed.")
    found = list(tensors)
    for i, x in enumerate(found):
        if not isinstance(x, Tensor):
            raise not_a_tensor(op, f"tensors[{i}]", x)
    if not found:
        raise (ValueError if op == "cat" else RuntimeError)(
            f"{op}: the list of tensors is empty; at least one is needed."
        )
    return found


def promoted(tensors: Any, op: str) -> Sequence[Tensor]:
    """The same, promoted to one dtype."""
    found = listed(tensors, op)
    kind = found[0]._kind
    for x in found:
        if x._kind is not kind:
            break
    else:
        return found
    kind = result_dtype(found)
    return [x if x._kind is kind else cast(x, kind) for x in found]


def cat(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None, **names: Any) -> Tensor:
    """The tensors one after another along an existing dimension; their other sizes must agree.

    Raises: RuntimeError for sizes that differ, ValueError for an empty list.
    """
    if names:
        dim, _ = numpy_names("cat", names, dim)
    xs = promoted(tensors, "cat")
    if type(dim) is int and 0 <= dim < xs[0]._a.ndim:
        try:
            result = _cat(xs, dim)
            return result if out is None else store(result, out, "cat", xs)
        except ValueError:
            pass  # what follows finds out why
    shapes = [x._a.shape for x in xs]
    if (0,) in shapes:  # it joins anything: code that collects batches starts with torch.tensor([])
        xs = sorted(xs, key=lambda x: x._a.shape == (0,))
    first = xs[0]._a.shape
    if () in shapes:
        raise RuntimeError("cat: one of the tensors is 0-d; 1-d or more is needed. Use stack.")
    i = axis(dim, len(first), "cat") if first != (0,) else 0
    try:
        result = _cat(xs, i)
        return result if out is None else store(result, out, "cat", xs)
    except ValueError:
        other = next(x for x in xs if not _joins(x._a.shape, first, i) and x._a.shape != (0,))
        raise RuntimeError(
            f"cat: {argument('one tensor', xs[0])} is {sizes(first)} and {argument('another', other)} "
            f"{sizes(other._a.shape)}; they must be equal except at dimension {i}."
        ) from None


def _joins(a: tuple[int, ...], b: tuple[int, ...], dim: int) -> bool:
    return len(a) == len(b) and a[:dim] == b[:dim] and a[dim + 1 :] == b[dim + 1 :]


def stack(tensors: Sequence[Tensor], dim: int = 0, *, out: Tensor | None = None, **names: Any) -> Tensor:
    """The tensors, of one shape, along a new dimension.

    Raises: RuntimeError for shapes that differ, and for an empty list.
    """
    if names:
        dim, _ = numpy_names("stack", names, dim)
    xs = promoted(tensors, "stack")
    first = xs[0]._a.shape
    i = dim if type(dim) is int and 0 <= dim <= len(first) else axis(dim, len(first) + 1, "stack")
    for k, x in enumerate(xs):
        if x._a.shape != first:
            raise RuntimeError(
                f"stack: {argument('tensors[0]', xs[0])} is {sizes(first)} and "
                f"{argument(f'tensors[{k}]', x)} is {sizes(x._a.shape)}; they must be equal."
            )
    result = _stack(xs, i)
    return result if out is None else store(result, out, "stack", xs)


def without(at: Tensor, dim: int) -> Tensor:
    """Indices without the dimension along which there is one."""
    a = at._a
    if type(a) is ndarray:
        return wrap(a.reshape(a.shape[:dim] + a.shape[dim + 1 :]))
    return squeeze(at, dim) if a.ndim else at


offer(
    globals(),
    functions="cat stack",
    aliases={"cat": "concat concatenate"},
    methods="contiguous expand expand_as reshape_as view view_as",
    both="broadcast_to clone flatten permute ravel reshape squeeze t transpose unflatten unsqueeze",
    rules="expand mT sum_to",
    properties={"T": T, "mT": mT},
)
nameless(globals())

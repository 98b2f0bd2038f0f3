"""A copy of a tensor with another one in place of what a view of it shows; and filling diagonals in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tapegrad.define.batching as B
import tapegrad.kernels.strided as S
from tapegrad._errors import sizes
from tapegrad.define import Function, cast, finish, linear, offer, opaque
from tapegrad.kernels.errstate import nameless
from tapegrad.naming import argument
from tapegrad.ops import copies, index, views
from tapegrad.ops.shape import unflatten
from tapegrad.ops.write import fill_
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor
from tapegrad.views import check_history, check_memory


def _overlay(
    name: str, read: Function, write: Callable[..., None], arguments: Callable[..., Any]
) -> Function:
    """The op (x, src, *args) that puts src where `read` reads; write(y, src, *args) does it in an array.
    arguments: those for a whole batch."""

    def kernel(x: Any, src: Any, *args: Any) -> Any:
        y = np.array(x, order="C")
        write(y, src, *args)
        return y

    blank: Function = linear(
        f"{name}.zero",
        lambda g, *args: kernel(g, 0, *args),
        lambda F, g, _, *args: F.apply(blank.op, g, *args),
        batch=B.shifted(arguments),
    )
    return opaque(
        name,
        kernel,
        linear=True,
        d=(
            lambda F, g, shapes, *args: F.apply(blank.op, g, *args),
            lambda F, g, shapes, *args: F.apply(read.op, g, *args),
        ),
        batch=B.full(arguments),
    )


def _at(y: Any, src: Any, at: Any) -> None:
    y[at] = src


def _on_diagonal(y: Any, src: Any, offset: int, i: int, j: int) -> None:
    S.diagonal(y, offset, i, j)[...] = src


def _behind(n: int, at: Any) -> Any:
    return (B.behind(at),)


_select = _overlay("select_scatter", index.getitem, _at, _behind)
_slice = _overlay("slice_scatter", index.sliced, _at, _behind)
_diagonal = _overlay(
    "diagonal_scatter", views.diagonal_at, _on_diagonal, lambda n, k, i, j: (k, i + 1, j + 1)
)
_as_strided = _overlay("as_strided_scatter", copies.pattern, S.write, views.in_batch)


def _put(op: Any, input: Tensor, src: Any, shown: tuple[int, ...], *args: Any) -> Tensor:
    """The overlay, if src has the shape of what it hides. Raises: RuntimeError otherwise."""
    name = op.op.name
    if need_tensor(src, name, "src")._a.shape != shown:
        raise RuntimeError(
            f"{name}: {argument('src', src)} is {sizes(src._a.shape)}; what it replaces is {sizes(shown)}."
        )
    result: Tensor = op(input, src if src._kind is input._kind else cast(src, input._kind), *args)
    return result


def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy of input with src as the entry `index` along a dimension.

    Raises: IndexError for an index out of range, RuntimeError for src of another shape.
    """
    shown = views.select(need_tensor(input, "select_scatter"), dim, index)
    at = shown._cold.args
    return _put(_select, input, src, shown._a.shape, *at)


def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """A copy of input with src as the entries from start to end along a dimension, `step` apart.

    Raises: RuntimeError for src of another shape, a step below 1.
    """
    i, n = views.sized(input, dim, "slice_scatter", IndexError)
    if step < 1:
        raise RuntimeError(f"slice_scatter: step is {step}; 1 or more is needed.")
    part = slice(start, end, step)
    s = input._a.shape
    shown = (*s[:i], len(range(*part.indices(n))), *s[i + 1 :])
    return finish(
        _put(_slice, input, src, shown, (*(slice(None),) * i, part)), out, "slice_scatter", (input,)
    )


def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy of input with src as the diagonal of two dimensions.

    Raises: RuntimeError for src of another shape, or equal dimensions.
    """
    shown = views.diagonal(need_tensor(input, "diagonal_scatter"), offset, dim1, dim2)
    return _put(_diagonal, input, src, shown._a.shape, *shown._cold.args)


def as_strided_scatter(
    input: Tensor,
    src: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    storage_offset: int | None = None,
) -> Tensor:
    """A copy of input with src as what as_strided shows of it. What lies beside input is left out.

    Raises: RuntimeError for src of another shape, a pattern beyond the memory.
    """
    at = views.pattern_of(input, size, stride, storage_offset, "as_strided_scatter")
    return _put(_as_strided, input, src, at[0], *at)


def fill_diagonal_(input: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Set the main diagonal, in place: the elements whose indices are all equal. wrap: in a tall matrix it
    goes on below, one row apart.

    Raises: RuntimeError for less than two dimensions, or unequal sizes of more than two.
    """
    s = need_tensor(input, "fill_diagonal_")._a.shape
    if len(s) < 2 or (len(s) > 2 and len(set(s)) > 1):
        raise RuntimeError(
            f"fill_diagonal_: input is {sizes(s)}; a matrix, or more dimensions of one size, are needed."
        )
    if isinstance(fill_value, complex) and not input.is_complex():
        raise RuntimeError(
            f"fill_diagonal_: fill_value is {fill_value} and input {input.dtype}; a real one is needed."
        )
    check_history(input, "fill_diagonal_")
    check_memory(input, "fill_diagonal_")
    line, n = input, s[1] + 1
    if wrap and len(s) == 2 and s[0] > n:
        k = s[0] // n
        blocks = unflatten(views.picked(input, 0, slice(0, k * n)), 0, (k, n))
        fill_(views.diagonal(blocks, 0, 1, 2), fill_value)
        line = views.picked(input, 0, slice(k * n, None))
    for _ in s[1:]:
        line = views.diagonal(line, 0, 0, line._a.ndim - 1)
    fill_(line, fill_value)
    return input


offer(
    globals(),
    methods="fill_diagonal_",
    both="as_strided_scatter diagonal_scatter select_scatter slice_scatter",
)
nameless(globals())

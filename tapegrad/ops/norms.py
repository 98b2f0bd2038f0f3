"""Norms of vectors and matrices, and what is measured with them: condition and rank."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.reduce as R
import tapegrad.kernels.writers as W
from tapegrad._errors import sizes
from tapegrad._state import special
from tapegrad.define import cast, finish, offer, store
from tapegrad.dtypes import COMPLEX, INEXACT, as_numpy, of
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Storage
from tapegrad.naming import argument
from tapegrad.ops.decompose import eigvalsh, svdvals
from tapegrad.ops.factored import matrices
from tapegrad.ops.pointwise import abs, where
from tapegrad.ops.reduce import amax, amin, need_elements, norm_over, sum
from tapegrad.ops.shape import Dims, dims_of, stack, unsqueeze
from tapegrad.ops.solve import inv_ex
from tapegrad.ops.views import movedim
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, axis, wrap
from tapegrad.writes import wrote_all


def _floats(x: Any, op: str, name: str, dtype: Any = None) -> Tensor:
    """x in the dtype that a norm is taken in. Raises: RuntimeError for integers, and for a dtype that is
    narrower."""
    t = x if type(x) is Tensor else need_tensor(x, op, name)
    if t._kind.kind not in INEXACT:
        raise RuntimeError(
            f"{op}: {argument(name, t)} is {t.dtype}; a floating point or complex tensor is needed. Use "
            ".float() first."
        )
    if dtype is None:
        return t
    wanted = as_numpy(dtype, op)
    if (
        (of(wanted).category == COMPLEX) != t.is_complex()
        or wanted.kind not in INEXACT
        or wanted.itemsize < t._kind.itemsize
    ):
        raise RuntimeError(
            f"{op}: {argument(name, t)} is {t.dtype} and dtype is {of(wanted)}; one that holds it is needed."
        )
    return t if t._kind is wanted else cast(t, wanted)


def vector_norm(
    x: Tensor,
    ord: float = 2,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Tensor | None = None,
) -> Tensor:
    """The `ord`-norm of x as one vector, or over the dimensions `dim`; ord 0 counts, inf and -inf are
    extremes.

    Raises: RuntimeError for integers, and for an extreme of nothing.
    """
    t = _floats(x, "linalg.vector_norm", "x", dtype)
    if isinstance(ord, str):
        raise TypeError(f"linalg.vector_norm: ord is {ord!r}; a number is needed.")
    order = 2.0 if ord is None else float(ord)
    dims = None if dim is None else dims_of(dim, t._a.ndim, "norm")
    need_elements("norm", t, dims, order)
    result = norm_over(t, dims, keepdim, order)
    return result if out is None else store(result, out, "linalg.vector_norm")


def _plain(tensors: Sequence[Tensor]) -> list[Any] | None:
    """The arrays of tensors of one real dtype that nobody needs to be told of; None for others."""
    kind = tensors[0]._kind
    arrays: list[Any] = [t._a for t in tensors]
    if kind.char not in "fd" or any(t._kind is not kind or t._cold is not None for t in tensors):
        return None
    return arrays if all(type(a) is ndarray for a in arrays) and not special.alert else None


def norms(tensors: Sequence[Tensor], p: float) -> Tensor:
    """The p-norms of some tensors, each as one vector, without a graph."""
    arrays = _plain(tensors)
    if arrays is None:
        return stack([vector_norm(t, p) for t in tensors])
    return wrap(R.norms(arrays, p))


def scale_(tensors: Sequence[Tensor], factor: Tensor) -> None:
    """Multiply tensors by a number, in place, without a graph."""
    arrays = _plain(tensors) if tensors and factor._kind is tensors[0]._kind else None
    if arrays is None or not all(a.flags.writeable for a in arrays) or isinstance(factor._a, Storage):
        for t in tensors:
            t.mul_(factor)
        return
    wrote_all(arrays)
    W.scale(arrays, factor._a)


def _pair(dim: Any, ndim: int, op: str) -> tuple[int, int]:
    """The two dimensions of a matrix. Raises: RuntimeError unless there are two."""
    if isinstance(dim, int) or len(dim) != 2:
        raise RuntimeError(f"{op}: dim is {dim!r}; a pair of dimensions is needed.")
    i, j = (axis(d, ndim, op) for d in dim)
    if i == j:
        raise RuntimeError(f"{op}: dim is {dim!r}; two different dimensions are needed.")
    return i, j


def matrix_norm(
    A: Tensor,
    ord: float | str = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Tensor | None = None,
) -> Tensor:
    """Norms of matrices over two dimensions: "fro" (of the elements), "nuc" (the sum of the singular values),
    2 and -2 (the largest and smallest of them), 1 and -1 (of column sums), inf and -inf (of row sums).

    Raises: RuntimeError for another `ord` or dtype.
    """
    op = "linalg.matrix_norm"
    x = _floats(A, op, "A", dtype)
    if x._a.ndim < 2:
        raise RuntimeError(f"{op}: {argument('A', x)} is {sizes(x._a.shape)}; a matrix is needed.")
    if (isinstance(ord, str) and ord not in ("fro", "nuc")) or (
        not isinstance(ord, str) and ord not in (1, -1, 2, -2, inf, -inf)
    ):
        raise RuntimeError(f"{op}: ord is {ord!r}; 'fro', 'nuc', 2, -2, 1, -1, inf or -inf is needed.")
    n = x._a.ndim
    i, j = (n - 2, n - 1) if dim == (-2, -1) else _pair(dim, n, op)
    if ord == "fro":
        y = norm_over(x, (i, j), keepdim, 2.0)
        return y if out is None else store(y, out, op)
    if ord in (1, -1):
        i, j = j, i
    if ord == "nuc" or ord in (2, -2):
        y = _of_singular_values(matrices(x, op, narrow=RuntimeError), ord, i, j)
        for d in sorted((i, j)) if keepdim else ():
            y = unsqueeze(y, d)
        return finish(y, out, op)
    rows = sum(abs(x), (j,), keepdim)
    extreme = amax if ord in (1, inf) else amin
    return finish(extreme(rows, (i if keepdim or i < j else i - 1,), keepdim), out, op)


def _of_singular_values(x: Tensor, ord: Any, i: int, j: int) -> Tensor:
    if (i, j) != (x._a.ndim - 2, x._a.ndim - 1):
        x = movedim(x, (i, j), (-2, -1))
    s = svdvals(x)
    if not s._a.shape[-1] and ord != "nuc":
        return sum(s, (-1,))  # of an empty matrix: 0
    return sum(s, (-1,)) if ord == "nuc" else amax(s, (-1,)) if ord > 0 else amin(s, (-1,))


def linalg_norm(
    input: Tensor,
    ord: float | str | None = None,
    dim: Any = None,
    keepdim: bool = False,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
) -> Tensor:
    """The vector norm over one dimension or (without ord) over all elements or any dimensions; the matrix
    norm over two dimensions with an ord.

    Raises: RuntimeError where it is not clear which dimensions are meant.
    """
    op = "linalg.norm"
    x = need_tensor(input, op)
    if ord is None:
        return vector_norm(x, 2, dim, keepdim, dtype=dtype, out=out)
    two = x._a.ndim == 2 if dim is None else not isinstance(dim, int) and len(dim) == 2
    if dim is None and x._a.ndim not in (1, 2):
        raise RuntimeError(
            f"{op}: {argument('input', x)} is {sizes(x._a.shape)}, ord is {ord!r}; name the dimensions in "
            "dim."
        )
    if two or isinstance(ord, str):
        at = ((-2, -1) if x._a.ndim > 1 else (0,)) if dim is None else dim
        return matrix_norm(x, ord, at, keepdim, dtype=dtype, out=out)
    return vector_norm(x, ord, dim, keepdim, dtype=dtype, out=out)


def nuclear_norm(
    input: Tensor, dim: Any = (-2, -1), keepdim: bool = False, *, out: Tensor | None = None
) -> Tensor:
    """The sum of the singular values of matrices over two dimensions."""
    return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim, out=out)


def cond(A: Tensor, p: float | str | None = None, *, out: Tensor | None = None) -> Tensor:
    """The condition number: the norm p of A times that of its inverse, by default the ratio of the largest
    and the smallest singular value; inf for singular matrices.

    Raises: RuntimeError for another p, or unless A is square for p other than None, 2 and -2.
    """
    op = "linalg.cond"
    if p is None or p in (2, -2):
        x = matrices(A, op)
        s = svdvals(x)
        if not s._a.shape[-1]:
            return finish(sum(s, (-1,)), out, op)
        large, small = (0, -1) if p != -2 else (-1, 0)
        return finish(s[..., large] / s[..., small], out, op)
    if p not in ("fro", "nuc", 1, -1, inf, -inf):
        raise RuntimeError(f"{op}: p is {p!r}; None, 'fro', 'nuc', 2, -2, 1, -1, inf or -inf is needed.")
    x = matrices(A, op, square=True, narrow=NotImplementedError if p == "nuc" else RuntimeError)
    inverse, info = inv_ex(x)
    y = matrix_norm(x, p) * matrix_norm(where(info.reshape(*info.shape, 1, 1) > 0, 0.0, inverse), p)
    return finish(where(info > 0, inf, y), out, op)


def _bound(tol: Any, x: Tensor, op: str) -> Tensor:
    """A tolerance as a tensor of one number or of one per matrix."""
    if isinstance(tol, Tensor):
        if tol._kind.kind == "c":
            raise RuntimeError(f"{op}: a tolerance is {tol.dtype}; a real one is needed.")
        return tol.detach()
    return wrap(np.asarray(tol, x._kind.type(0).real.dtype))


def bounds(x: Tensor, atol: Any, rtol: Any, op: str) -> tuple[Tensor, Tensor]:
    """The absolute and the relative tolerance; the latter is by default eps times the larger size, or 0 where
    there is an absolute one."""
    if rtol is None:
        eps = float(np.finfo(x._kind).eps) * max(x._a.shape[-2:])
        small = _bound(eps, x, op)
        if isinstance(atol, Tensor):
            return _bound(atol, x, op), where(atol > 0, 0.0, small)
        return _bound(atol or 0.0, x, op), small if not atol else _bound(0.0, x, op)
    return _bound(atol or 0.0 if not isinstance(atol, Tensor) else atol, x, op), _bound(rtol, x, op)


def matrix_rank(
    A: Tensor,
    tol: Any = None,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
    out: Tensor | None = None,
) -> Tensor:
    """How many singular values (magnitudes of eigenvalues, if `hermitian`) exceed the larger of atol and rtol
    times the largest. atol, rtol: numbers, or tensors of one per matrix. tol: the older name of an atol
    alone."""
    op = "linalg.matrix_rank"
    narrow = RuntimeError if tol is None else NotImplementedError
    x = matrices(A, op, narrow=narrow, square=hermitian).detach()
    if tol is not None:
        atol, rtol = tol, 0.0
    s = abs(eigvalsh(x)) if hermitian else svdvals(x)
    if not s._a.shape[-1]:
        return finish(sum(s, (-1,)).long(), out, op)
    least, relative = bounds(x, atol, rtol, op)
    limit = relative * amax(s, (-1,))
    limit = where(least > limit, least, limit)
    return finish(sum(s > unsqueeze(limit, -1), (-1,)), out, op)


offer(globals(), namespace="linalg", functions="cond matrix_norm matrix_rank vector_norm")
offer({"norm": linalg_norm}, namespace="linalg", functions="norm")
offer(globals(), functions="nuclear_norm")
nameless(globals())

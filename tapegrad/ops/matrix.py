"""Functions of matrices: pseudo-inverses and least squares, powers and exponentials, Householder reflections,
inverses of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

import tapegrad.define.batching as B
import tapegrad.kernels as Kernels
import tapegrad.kernels.factor as K
import tapegrad.kernels.lapack as LA
from tapegrad._errors import choices, sizes
from tapegrad._state import watch
from tapegrad.define import OUT, finish, offer, opaque
from tapegrad.define.general import composite, replay
from tapegrad.dtypes import INEXACT
from tapegrad.kernels.errstate import nameless
from tapegrad.naming import argument
from tapegrad.ops.decompose import qr, svd, svdvals
from tapegrad.ops.factored import cut, dtype_of, matrices, mH, turned
from tapegrad.ops.linalg import matmul
from tapegrad.ops.norms import bounds, matrix_rank
from tapegrad.ops.pointwise import where
from tapegrad.ops.products import same_dtype
from tapegrad.ops.random import randn
from tapegrad.ops.reduce import mean, sum
from tapegrad.ops.results import kind
from tapegrad.ops.shape import cat, permute, reshape, squeeze, unsqueeze
from tapegrad.ops.solve import inv, is_vector, solve
from tapegrad.ops.views import adjoint, diagonal
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, axis, wrap

# ---- pseudo-inverses and least squares


def _pinv_rule(F: Any, g: Any, a: Any, y: Any, _hermitian: bool) -> Any:
    # Source: torch's pinv_backward (Golub and Pereyra, 1973).
    yh, gh = mH(F, y), mH(F, g)
    if a.shape[-2] <= a.shape[-1]:
        k = F.matmul(gh, y)
        kyh = F.matmul(k, yh)
        return (
            kyh
            - mH(F, F.matmul(y, k))
            - F.matmul(F.matmul(a, y), kyh)
            + F.matmul(F.matmul(yh, y), gh - F.matmul(k, a))
        )
    k = F.matmul(y, gh)
    yhk = F.matmul(yh, k)
    return (
        yhk
        - mH(F, F.matmul(k, y))
        + F.matmul(F.matmul(gh - F.matmul(a, k), y), yh)
        - F.matmul(F.matmul(yhk, y), a)
    )


_pinv = opaque(
    "linalg_pinv",
    LA.pinv,
    d=(turned(_pinv_rule), None, None),
    saves=((0, OUT), (), ()),
    shapes=False,
    title="LinalgPinvBackward0",
    batch=B.leading(2, 0, 0),
)


def pinv(
    A: Tensor,
    rcond: Any = None,
    hermitian: bool = False,
    *,
    atol: Any = None,
    rtol: Any = None,
    out: Tensor | None = None,
) -> Tensor:
    """The pseudo-inverse [..., n, m] of matrices [..., m, n]. Singular values up to the larger of atol and
    rtol (by default eps max(m, n)) times the largest count as 0; both may be tensors of one number per
    matrix.

    rcond: the older name of rtol. The gradient holds where the rank does not change.
    Raises: LinAlgError for nan.
    """
    op = "linalg.pinv"
    x = matrices(A, op, narrow=RuntimeError, square=hermitian)
    y = _pinv(x, *bounds(x, atol, rtol if rcond is None else rcond, op), hermitian)
    return finish(y, out, op)


def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """linalg.pinv(input, rcond)."""
    return pinv(input, rcond)


_lstsq = opaque(
    "linalg_lstsq",
    LA.lstsq,
    d=(
        lambda F, g, a, b, shapes, rcond: F.sum_to(_lstsq_rule(F, g, a, b, rcond), shapes[0]),
        lambda F, g, a, shapes, rcond: F.sum_to(F.matmul(F.mT(F.linalg_pinv(a, rcond)), g), shapes[1]),
    ),
    saves=((0, 1), (0,)),
    title="LinalgLstsqBackward0",
    batch=B.leading(2, 2),
)


@turned
def _lstsq_rule(F: Any, g: Any, a: Any, b: Any, rcond: float) -> Any:
    # x = pinv(a) b
    return _pinv_rule(F, F.matmul(g, mH(F, b)), a, F.linalg_pinv(a, rcond), False)


class _Lstsq(NamedTuple):
    """The solution [..., n, k], the squares of the residuals [..., k], the rank of A, its singular values;
    what the driver does not give is empty."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


_lstsq_result = kind("linalg_lstsq", _Lstsq)


def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """The X of least norm among those with the least |A X - B|, as (solution, residuals, rank,
    singular_values). For solution all drivers are one here.

    Shapes: A [..., m, n]; B [..., m, k], or vectors [m] or [..., m] with A's leading sizes.
    Raises: RuntimeError for sizes that do not meet, mixed dtypes, and another driver.
    """
    op = "linalg.lstsq"
    x, y = matrices(A, op, narrow=RuntimeError), need_tensor(B, op, "B")
    drivers = ("gels", "gelsy", "gelsd", "gelss")
    if driver is not None and driver not in drivers:
        raise RuntimeError(f"{op}: driver is {driver!r}; {choices(drivers)} is needed.")
    vector = is_vector(x._a, y._a)
    if vector:
        y = unsqueeze(y, -1)
    a, b = x._a.shape, y._a.shape
    fit = len(a) == len(b) and a[-2] == b[-2] and x._kind is y._kind
    if not fit or any(i != j and 1 not in (i, j) for i, j in zip(a[:-2], b[:-2], strict=True)):
        raise RuntimeError(
            f"{op}: {argument('A', x)} is {x.dtype}{sizes(a)} and {argument('B', y)} {y.dtype}{sizes(b)}; "
            "one dtype, equally many rows and leading sizes that broadcast are needed."
        )
    m, n = x._a.shape[-2:]
    least = float(np.finfo(x._kind).eps) * max(m, n) if rcond is None else float(rcond)
    found = _lstsq(x, y, least)
    none = np.empty(0, x._kind.type(0).real.dtype)
    residuals, values = wrap(none), wrap(none)
    rank = matrix_rank(x, rtol=least) if driver != "gels" else wrap(np.empty(0, np.int64))
    if driver in ("gelsd", "gelss"):
        values = svdvals(x.detach())
    if (
        m > n
        and driver in ("gels", "gelsd", "gelss")
        and (driver == "gels" or watch().levels or bool((rank == n).all()))
    ):
        over = matmul(x, found) - y
        residuals = sum(over.abs() * over.abs() if over.is_complex() else over * over, (-2,))
    return _lstsq_result(squeeze(found, -1) if vector else found, residuals, rank, values)


# ---- powers and exponentials


def _exp_rule(F: Any, g: Any, a: Any) -> Any:
    # exp([[A^H, g], [0, A^H]]) has the gradient in its upper right corner. Source: Higham, Functions of
    # matrices, 3.2.
    n, ah = a.shape[-1], mH(F, a)
    top, bottom = F.cat([ah, g], -1), F.cat([F.zeros_like(ah), ah], -1)
    whole = F.linalg_matrix_exp(F.cat([top, bottom], -2))
    return cut(F, whole, slice(n), slice(n, None))


_matrix_exp = opaque(
    "linalg_matrix_exp",
    K.matrix_exp,
    d=(turned(_exp_rule),),
    saves=((0,),),
    shapes=False,
    arguments=False,
    title="LinalgMatrixExpBackward0",
    batch=B.leading(2),
)


def _square(A: Any, op: str) -> Tensor:
    """A, if it is a batch of square matrices of any dtype."""
    x = need_tensor(A, op, "A")
    if x._a.ndim < 2 or x._a.shape[-1] != x._a.shape[-2]:
        raise RuntimeError(f"{op}: {argument('A', x)} is {sizes(x._a.shape)}; square matrices are needed.")
    return x


def matrix_exp(A: Tensor) -> Tensor:
    """The exponential of square matrices [..., n, n]: the sum of A^k / k!."""
    x = _square(A, "linalg.matrix_exp")
    if x._kind.kind not in INEXACT:
        raise RuntimeError(f"linalg.matrix_exp: {argument('A', x)} is {x.dtype}; floats are needed.")
    return _matrix_exp(x)


def matrix_power(A: Tensor, n: int, *, out: Tensor | None = None) -> Tensor:
    """The product of n times A, for square matrices [..., k, k]; n below 0 takes the inverse.

    Raises: LinAlgError for a singular matrix and n below 0.
    """
    op = "linalg.matrix_power"
    x = _square(A, op)
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"{op}: n is {n!r}; an integer is needed.")
    if n == 0:
        one = K.eye(x._a.shape[-1], x._kind)
        return finish(where(wrap(np.bool_(False)), x, wrap(one)), out, op)  # with x in the graph, as in torch
    base = inv(x) if n < 0 else x
    result, n = None, -n if n < 0 else n
    while n:
        if n & 1:
            result = base if result is None else matmul(result, base)
        n >>= 1
        if n:
            base = matmul(base, base)
    assert result is not None
    return finish(result.clone() if result is x else result, out, op)


# ---- Householder reflections


def _reflected(F: Any, a: Any, tau: Any) -> Any:
    """The product of reflections, one after the other."""
    m, n = a.shape[-2:]
    v = F.triangle(a, False, -1) + wrap(K.eye(m, dtype_of(a))[:, :n])
    q = wrap(K.eye(m, dtype_of(a))[:, :n]) + (0 if tau.shape[-1] else v * 0)
    for i in reversed(range(tau.shape[-1])):
        w = cut(F, v, slice(None), slice(i, i + 1))
        t = F.getitem(tau, (Ellipsis, slice(i, i + 1), None))
        q = q - t * F.matmul(w, F.matmul(mH(F, w), q))
    return F.expand(q, a.shape)


def _reflected_vjp(need: Any, g: Any, a: Any, tau: Any) -> Any:
    return replay(Kernels, _reflected, (a, tau), g, (), need)


_householder = composite("linalg_householder_product", 2, (LA.householder, _reflected_vjp))(_reflected)


def householder_product(A: Tensor, tau: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The first n columns of the product of reflections 1 - tau[i] v v^H, whose vectors v stand below the
    diagonal of A (as `geqrf` leaves them).

    Shapes: A [..., m, n] with m >= n, tau [..., k] with k <= n; the result is [..., m, n].
    """
    op = "linalg.householder_product"
    x, t = same_dtype(op, A=A, tau=tau)
    matrices(x, op)
    m, n = x._a.shape[-2:]
    if m < n or t._a.ndim != x._a.ndim - 1 or t._a.shape[:-1] != x._a.shape[:-2] or t._a.shape[-1] > n:
        raise RuntimeError(
            f"{op}: {argument('A', x)} is {sizes(x._a.shape)} and {argument('tau', t)} {sizes(t._a.shape)}; "
            "A [..., m, n] with m >= n and tau [..., k] with k <= n are needed."
        )
    return finish(_householder(x, t), out, op)


def orgqr(input: Tensor, input2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The same as linalg.householder_product."""
    return householder_product(input, input2, out=out)


def ormqr(
    input: Tensor,
    tau: Tensor,
    other: Tensor,
    left: bool = True,
    transpose: bool = False,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """Q other (or other Q unless `left`; with Q^H if `transpose`), for the square Q of reflections in input
    and tau."""
    x, _, y = same_dtype("ormqr", input=input, tau=tau, other=other)
    matrices(x, "ormqr", name="input")
    matrices(y, "ormqr", name="other")
    m, n = x._a.shape[-2:]
    k = min(m, n)
    if y._a.shape[-2 if left else -1] != m or tau._a.shape[-1:] != (k,):
        raise RuntimeError(
            f"ormqr: {argument('input', x)} is {sizes(x._a.shape)}, {argument('tau', tau)} "
            f"{sizes(tau._a.shape)} and {argument('other', y)} {sizes(y._a.shape)}; {k} elements in tau and "
            f"{m} {'rows' if left else 'columns'} in other are needed."
        )
    wide = x[..., :, :k]
    if k != m:
        wide = cat([wide, wrap(np.zeros((*x._a.shape[:-1], m - k), x._kind))], -1)
    q = householder_product(wide, tau)
    q = adjoint(q) if transpose else q
    return finish(matmul(q, y) if left else matmul(y, q), out, "ormqr")


# ---- tensors as matrices


def tensorinv(A: Tensor, ind: int = 2, *, out: Tensor | None = None) -> Tensor:
    """The inverse of A as a map between its first `ind` dimensions and the others: tensordot(result, A, ind)
    is the identity.

    Raises: RuntimeError unless both have equally many elements, LinAlgError for a singular map.
    """
    op = "linalg.tensorinv"
    x = need_tensor(A, op, "A")
    if ind <= 0:
        raise RuntimeError(f"{op}: ind is {ind}; 1 or more is needed.")
    first, second = x._a.shape[:ind], x._a.shape[ind:]
    if prod(first) != prod(second):
        raise RuntimeError(
            f"{op}: {argument('A', x)} is {sizes(x._a.shape)} and ind {ind}; {sizes(first)} and "
            f"{sizes(second)} need equally many elements."
        )
    return finish(reshape(inv(reshape(x, prod(first), prod(second))), second + first), out, op)


def tensorsolve(
    A: Tensor, B: Tensor, dims: Sequence[int] | None = None, *, out: Tensor | None = None
) -> Tensor:
    """X with tensordot(A, X, X.ndim) = B. dims: dimensions of A that are moved to its end before.

    Raises: RuntimeError unless A is square as a map from X to B, LinAlgError if it is singular.
    """
    op = "linalg.tensorsolve"
    x, y = need_tensor(A, op, "A"), need_tensor(B, op, "B")
    n = x._a.ndim
    if dims is not None:
        moved = [axis(d, n, op) for d in dims]
        x = permute(x, [i for i in range(n) if i not in moved] + moved)
    shape = x._a.shape[y._a.ndim :]
    if prod(shape) != y._a.size:
        raise RuntimeError(
            f"{op}: {argument('A', x)} is {sizes(x._a.shape)} and {argument('B', y)} {sizes(y._a.shape)}; A "
            "needs as many elements per element of B as B has."
        )
    result = solve(reshape(x, y._a.size, prod(shape)), reshape(y, -1))
    return finish(reshape(result, shape), out, op)


def linalg_diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of matrices, as a view."""
    return diagonal(A, offset, dim1, dim2)


# ---- few singular values of large matrices


def svd_lowrank(A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None) -> Any:
    """The q largest singular values of A (of A - M) and their vectors, approximately, as (U, S, V).

    Source: Halko et al., Finding structure with randomness (2009), algorithm 5.1.
    """
    x = matrices(A, "svd_lowrank")
    x = x if M is None else x - M
    turned_ = x._a.shape[-2] < x._a.shape[-1]
    if turned_:
        x = adjoint(x)
    q = 6 if q is None else q
    k = min(q, *x._a.shape[-2:])
    if q < 0 or q > min(x._a.shape[-2:]):
        raise ValueError(f"svd_lowrank: q is {q}; a number from 0 to {min(x._a.shape[-2:])} is needed.")
    basis = _range_of(x, k, 2 if niter is None else niter)
    u, s, vh = svd(matmul(adjoint(basis), x), full_matrices=False)
    u, v = matmul(basis, u), adjoint(vh)
    return (v, s, u) if turned_ else (u, s, v)


def _range_of(x: Tensor, q: int, niter: int) -> Tensor:
    """Orthonormal columns that nearly span the image of x."""
    start = randn(x._a.shape[-1], q, dtype=x.dtype)
    basis: Tensor = qr(matmul(x, start))[0]
    for _ in range(niter):
        basis = qr(matmul(adjoint(x), basis))[0]
        basis = qr(matmul(x, basis))[0]
    return basis


def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> Any:
    """The q (by default up to 6) main directions of the rows of A, as (U, S, V)."""
    x = matrices(A, "pca_lowrank")
    q = min(6, *x._a.shape[-2:]) if q is None else q
    if not 0 <= q <= min(x._a.shape[-2:]):
        raise ValueError(f"pca_lowrank: q is {q}; a number from 0 to {min(x._a.shape[-2:])} is needed.")
    return svd_lowrank(x - mean(x, (-2,), True) if center else x, q, niter)


offer(
    globals(),
    namespace="linalg",
    functions="householder_product lstsq matrix_exp matrix_power pinv tensorinv tensorsolve",
)
offer({"diagonal": linalg_diagonal}, namespace="linalg", functions="diagonal")
offer(
    globals(),
    functions="pca_lowrank svd_lowrank",
    both="matrix_exp matrix_power orgqr ormqr pinverse",
)
nameless(globals())

"""Factors of matrices: eigenvalues and eigenvectors, singular values, QR, LU, Cholesky."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import tapegrad.define.batching as B
import tapegrad.kernels.factor as K
import tapegrad.kernels.lapack as LA
from tapegrad._errors import choices
from tapegrad._state import grad_enabled, special
from tapegrad.define import OUT, finish, offer, opaque
from tapegrad.define.refusing import no_derivative
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.factored import (
    bar,
    column,
    cut,
    diagonal_matrix,
    diagonal_of,
    dtype_of,
    factored,
    matrices,
    mH,
    row,
    turned,
)
from tapegrad.ops.results import kind, written
from tapegrad.ops.views import adjoint
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import attend

# ---- eigenvalues


class _Eigen(NamedTuple):
    """Eigenvalues [..., n] and eigenvectors [..., n, n], one per column."""

    eigenvalues: Tensor
    eigenvectors: Tensor


_eigh_result, _eig_result = kind("linalg_eigh", _Eigen), kind("linalg_eig", _Eigen)


def gaps(F: Any, values: Any) -> Any:
    """E[i, j] = values[j] - values[i], and 1 on the diagonal."""
    return row(F, values) - column(F, values) + K.eye(values.shape[-1], dtype_of(values))


def _eigh_rule(F: Any, gs: Any, factors: Any, _a: Any, _lower: bool) -> Any:
    # Source: torch's linalg_eig_backward, for Hermitian matrices.
    (gl, gv), (values, v) = gs, factors
    if gv is None:
        return F.matmul(v * row(F, gl), mH(F, v))
    inner = F.matmul(mH(F, v), gv) / gaps(F, values) * K.off_diagonal(values.shape[-1], dtype_of(v))
    if gl is not None:
        inner = inner + diagonal_matrix(F, gl)
    return F.matmul(v, F.matmul(inner, mH(F, v)))


def _eig_rule(F: Any, gs: Any, factors: Any, a: Any) -> Any:
    # Source: torch's linalg_eig_backward.
    (gl, gv), (values, v) = gs, factors
    vh = mH(F, v)
    if gv is None:
        g = F.linalg_solve(vh, column(F, gl) * vh)
    else:
        vhgv = F.matmul(vh, gv)
        norms = row(F, F.real(diagonal_of(F, vhgv)))
        inner = (vhgv - F.matmul(vh, v * norms)) / bar(F, gaps(F, values))
        inner = inner * K.off_diagonal(values.shape[-1], dtype_of(v))
        if gl is not None:
            inner = inner + diagonal_matrix(F, gl)
        g = F.linalg_solve(vh, F.matmul(inner, vh))
    return g if dtype_of(a).kind == "c" else F.real(g)


_eigh = factored(
    "linalg_eigh",
    LA.eigh,
    lambda m, n, lower: ((n,), (n, n)),
    _eigh_rule,
    title="LinalgEighBackward0",
    kinds="r=",
)
_eig = factored(
    "linalg_eig",
    LA.eig,
    lambda m, n: ((n,), (n, n)),
    _eig_rule,
    title="LinalgEigBackward0",
    kinds="cc",
)


def _lower(UPLO: Any, op: str) -> bool:
    """Whether UPLO names the lower triangle. Raises: RuntimeError unless it names one."""
    if UPLO not in ("L", "U", "l", "u"):
        raise RuntimeError(f"{op}: UPLO is {UPLO!r}; {choices('LU')} is needed.")
    return UPLO in "Ll"


def eigh(A: Tensor, UPLO: str = "L", *, out: Any = None) -> Any:
    """Eigenvalues (ascending, real) and eigenvectors of Hermitian matrices, as (eigenvalues, eigenvectors).

    Shapes: A [..., n, n], of which the triangle UPLO is read; [..., n] and [..., n, n], one vector per
    column.
    """
    x = matrices(A, "linalg.eigh", square=True)
    return written(_eigh_result(*_eigh(x, _lower(UPLO, "linalg.eigh"))), out, "linalg.eigh")


def _recorded(x: Tensor) -> bool:
    """Whether the cheap way, without vectors, must not be taken: autograd or a transform runs."""
    return bool(special.alert and attend(x)) or (x._node is not None and grad_enabled())


def eigvalsh(A: Tensor, UPLO: str = "L", *, out: Tensor | None = None) -> Tensor:
    """Eigenvalues [..., n] (ascending, real) of Hermitian matrices [..., n, n]."""
    x = matrices(A, "linalg.eigvalsh", square=True)
    lower = _lower(UPLO, "linalg.eigvalsh")
    values = _eigh(x, lower)[0] if _recorded(x) else wrap(LA.eigvalsh(x._a, lower))
    return finish(values, out, "linalg.eigvalsh")


def eig(A: Tensor, *, out: Any = None) -> Any:
    """Eigenvalues and eigenvectors of square matrices, complex, as (eigenvalues, eigenvectors).

    Shapes: A [..., n, n]; [..., n] in no order, and [..., n, n] with one vector of norm 1 per column.
    Raises: RuntimeError for nan and inf.
    """
    return written(_eig_result(*_eig(matrices(A, "linalg.eig", square=True))), out, "linalg.eig")


def eigvals(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Eigenvalues [..., n] of square matrices [..., n, n], complex. Raises: RuntimeError for nan and inf."""
    x = matrices(A, "linalg.eigvals", square=True)
    return finish(_eig(x)[0] if _recorded(x) else wrap(LA.eigvals(x._a)), out, "linalg.eigvals")


# ---- singular values


class _Svd(NamedTuple):
    """A = U diag(S) Vh, S descending."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class _OldSvd(NamedTuple):
    """A = U diag(S) V^H, S descending."""

    U: Tensor
    S: Tensor
    V: Tensor


_svd_result, _old_svd_result = kind("linalg_svd", _Svd), kind("svd", _OldSvd)


def _svd_rule(F: Any, gs: Any, factors: Any, _a: Any, _full: bool) -> Any:
    # Source: torch's svd_backward. What is more than k columns of U and rows of Vh is arbitrary.
    (gu, gs_, gvh), (u, s, vh) = gs, factors
    k, rest = s.shape[-1], slice(None)
    u, vh = cut(F, u, rest, slice(k)), cut(F, vh, slice(k), rest)
    if gu is None and gvh is None:
        return F.matmul(u * row(F, gs_), vh)
    gu = None if gu is None else cut(F, gu, rest, slice(k))
    gvh = None if gvh is None else cut(F, gvh, slice(k), rest)
    inner = _svd_core(F, gu, gs_, gvh, u, s, vh)
    left, right = F.matmul(u, inner), vh
    if gu is not None and u.shape[-2] > k:
        over = gu / row(F, s)
        left = left + over - F.matmul(u, F.matmul(mH(F, u), over))
    g = F.matmul(left, right)
    if gvh is not None and vh.shape[-1] > k:
        over = gvh / column(F, s)
        g = g + F.matmul(u, over - F.matmul(F.matmul(over, mH(F, vh)), vh))
    return g


def _svd_core(F: Any, gu: Any, gs: Any, gvh: Any, u: Any, s: Any, vh: Any) -> Any:
    """U^H gA V."""
    apart = gaps(F, s * s)
    inner = None
    if gu is not None:
        rotation = F.matmul(mH(F, u), gu)
        rotation = rotation - mH(F, rotation)
        inner = rotation * row(F, s) / apart
        if dtype_of(u).kind == "c":
            inner = inner + diagonal_matrix(F, diagonal_of(F, rotation) / (s * 2))
    if gvh is not None:
        rotation = F.matmul(vh, mH(F, gvh))
        part = column(F, s) * (rotation - mH(F, rotation)) / apart
        inner = part if inner is None else inner + part
    return inner if gs is None else inner + diagonal_matrix(F, gs)


def _svd_cores(m: int, n: int, full: bool) -> tuple[tuple[int, ...], ...]:
    k = min(m, n)
    return ((m, m), (k,), (n, n)) if full else ((m, k), (k,), (k, n))


_svd = factored("linalg_svd", LA.svd, _svd_cores, _svd_rule, title="LinalgSvdBackward0", kinds="=r=")


def _need_driver(driver: str | None, op: str) -> None:
    if driver is not None:
        raise RuntimeError(f"{op}: driver={driver!r} chooses among CUDA's; leave it out on the CPU.")


def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None, out: Any = None) -> Any:
    """A = U diag(S) Vh, as (U, S, Vh); S is real and descends.

    Shapes: A [..., m, n]; U [..., m, m], S [..., k], Vh [..., n, n] with k = min(m, n); with
    full_matrices=False U [..., m, k], Vh [..., k, n]. Only functions that do not change with the signs (or
    phases) of singular vectors have a gradient.
    Raises: LinAlgError for nan.
    """
    _need_driver(driver, "linalg.svd")
    x = matrices(A, "linalg.svd")
    return written(_svd_result(*_svd(x, full_matrices)), out, "linalg.svd")


def svdvals(A: Tensor, *, driver: str | None = None, out: Tensor | None = None) -> Tensor:
    """Singular values [..., min(m, n)], descending, of matrices [..., m, n]. Raises: LinAlgError for nan."""
    _need_driver(driver, "linalg.svdvals")
    x = matrices(A, "linalg.svdvals")
    return finish(_svd(x, False)[1] if _recorded(x) else wrap(LA.svdvals(x._a)), out, "linalg.svdvals")


def old_svd(input: Tensor, some: bool = True, compute_uv: bool = True, *, out: Any = None) -> Any:
    """input = U diag(S) V^H, as (U, S, V). some: U and V have min(m, n) columns. Without compute_uv they are
    zeros."""
    x = matrices(input, "svd")
    if compute_uv:
        u, s, vh = _svd(x, not some)
        return written(_old_svd_result(u, s, adjoint(vh)), out, "svd")
    lead, (m, n) = x._a.shape[:-2], x._a.shape[-2:]
    u, v = (wrap(np.zeros((*lead, k, k), x._kind)) for k in (m, n))
    return written(_old_svd_result(u, svdvals(x), v), out, "svd")


# ---- QR


class _QR(NamedTuple):
    """A = Q R: orthonormal columns and an upper triangle."""

    Q: Tensor
    R: Tensor


class _Raw(NamedTuple):
    """R above Householder vectors, and their factors."""

    a: Tensor
    tau: Tensor


_qr_result, _old_qr_result, _geqrf_result = kind("linalg_qr", _QR), kind("qr", _QR), kind("geqrf", _Raw)


def _qr_rule(F: Any, gs: Any, factors: Any, a: Any, mode: str) -> Any:
    # Source: torch's linalg_qr_backward.
    (gq, gr), (q, r) = gs, factors
    m, n = a.shape[-2:]
    if mode == "r" or (mode == "complete" and m > n):
        raise RuntimeError(
            f"linalg.qr backward: A is [{m}, {n}] and mode {mode!r}, in which Q is not known; use 'reduced'."
        )
    if n <= m:
        return _tall_qr_rule(F, gq, gr, q, r)
    # A = [X, Y] and R = [U, V]: X = Q U, and Y = Q V.
    rest = slice(None)
    y = F.matmul(q, cut(F, r, rest, slice(m, None)))
    gu = gv = None
    if gr is not None:
        gu, gv = cut(F, gr, rest, slice(m)), cut(F, gr, rest, slice(m, None))
        through = F.matmul(y, mH(F, gv))
        gq = through if gq is None else gq + through
    gx = _tall_qr_rule(F, gq, gu, q, cut(F, r, rest, slice(m)))
    gy = F.zeros_like(y) if gv is None else F.matmul(q, gv)
    return F.cat([gx, gy], -1)


def _tall_qr_rule(F: Any, gq: Any, gr: Any, q: Any, r: Any) -> Any:
    inner = None if gr is None else F.matmul(gr, mH(F, r))
    if gq is not None:
        own = F.matmul(mH(F, q), gq)
        inner = -own if inner is None else inner - own
    inner = F.triangle(inner, True)
    n, dtype = r.shape[-1], dtype_of(r)
    g = F.matmul(q, (inner + mH(F, inner)) * (K.off_diagonal(n, dtype) + K.eye(n, dtype) / 2))
    if gq is not None:
        g = g + gq
    return mH(F, F.solved_triangle(r, mH(F, g), True, False))


def _qr_cores(m: int, n: int, mode: str) -> tuple[tuple[int, ...], ...]:
    k = m if mode == "complete" else min(m, n)
    return ((m, 0 if mode == "r" else k), (k, n))


_qr = factored("linalg_qr", LA.qr, _qr_cores, _qr_rule, title="LinalgQrBackward0", kinds="==")


def qr(A: Tensor, mode: str = "reduced", *, out: Any = None) -> Any:
    """A = Q R with orthonormal columns in Q and an upper triangular R, as (Q, R).

    Shapes: A [..., m, n]; with k = min(m, n) Q [..., m, k] and R [..., k, n]; mode "complete": Q [..., m, m],
    R [..., m, n]; mode "r": Q is empty.
    """
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"linalg.qr: mode is {mode!r}; {choices(('reduced', 'complete', 'r'))} is needed.")
    q, r = _qr(matrices(A, "linalg.qr"), mode)
    if mode == "r":
        q = wrap(np.empty(0, q._kind), q._node)
    return written(_qr_result(q, r), out, "linalg.qr")


def old_qr(input: Tensor, some: bool = True, *, out: Any = None) -> Any:
    """The same as linalg.qr, in the modes "reduced" and (unless `some`) "complete"."""
    return written(_old_qr_result(*qr(input, "reduced" if some else "complete")), out, "qr")


_geqrf = factored(
    "geqrf",
    LA.geqrf,
    lambda m, n: ((m, n), (min(m, n),)),
    no_derivative("geqrf", NotImplementedError, cure="use linalg.qr"),
    title="GeqrfBackward0",
    kinds="==",
)


def geqrf(input: Tensor, *, out: Any = None) -> Any:
    """R above Householder vectors, and their factors, as (a, tau): what householder_product takes.
    There is no derivative."""
    return written(_geqrf_result(*_geqrf(matrices(input, "geqrf"))), out, "geqrf")


# ---- Cholesky


def _cholesky_kernel(a: Any, upper: bool, op: str) -> Any:
    turned_ = np.swapaxes(a, -1, -2).conj() if upper else a
    y = LA.cholesky(turned_, op) if op else LA.cholesky_ex(turned_)[0]
    return np.swapaxes(y, -1, -2).conj() if upper else y


def _cholesky_rule(F: Any, g: Any, y: Any, upper: bool, _op: str) -> Any:
    # Source: torch's cholesky_backward.
    if upper:
        y, g = mH(F, y), mH(F, g)
    inner = F.triangle(F.matmul(mH(F, y), g), False)
    n, dtype = y.shape[-1], dtype_of(y)
    inner = (inner + mH(F, inner)) * (K.off_diagonal(n, dtype) / 2 + K.eye(n, dtype) / 4)
    yh = mH(F, y)
    half = F.solved_triangle(yh, inner, True, False)
    return mH(F, F.solved_triangle(yh, mH(F, half), True, False))


_cholesky = opaque(
    "linalg_cholesky",
    _cholesky_kernel,
    d=(turned(_cholesky_rule),),
    saves=((OUT,),),
    shapes=False,
    title="LinalgCholeskyExBackward0",
    batch=B.leading(2),
)
_cholesky_info = opaque(
    "linalg_cholesky.info",
    lambda a, upper: LA.cholesky_ex(np.swapaxes(a, -1, -2).conj() if upper else a)[1],
    d=(None,),
    shapes=False,
    batch=B.leading(2),
)


class _CholeskyEx(NamedTuple):
    """The factor, and per entry the order of the first leading block that is not positive definite, or 0."""

    L: Tensor
    info: Tensor


_cholesky_ex_result = kind("linalg_cholesky_ex", _CholeskyEx)


def cholesky(A: Tensor, *, upper: bool = False, out: Tensor | None = None) -> Tensor:
    """L with A = L L^H, or with `upper` U with A = U^H U, of Hermitian positive definite matrices [..., n,
    n].

    Raises: LinAlgError for a matrix that is not positive definite.
    """
    x = matrices(A, "linalg.cholesky", square=True)
    return finish(_cholesky(x, upper, "linalg.cholesky"), out, "linalg.cholesky")


def old_cholesky(input: Tensor, upper: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The same as linalg.cholesky."""
    return finish(_cholesky(matrices(input, "cholesky", square=True), upper, "cholesky"), out, "cholesky")


def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    """`cholesky` and what went wrong, as (L, info).

    Raises: LinAlgError for a matrix that is not positive definite if check_errors; otherwise its factor is
    nan and its info is not 0.
    """
    op = "linalg.cholesky_ex"
    x = matrices(A, op, square=True)
    factor = _cholesky(x, upper, op if check_errors else "")
    return written(_cholesky_ex_result(factor, _cholesky_info(x.detach(), upper)), out, op)


offer(
    globals(),
    namespace="linalg",
    functions="cholesky cholesky_ex eig eigh eigvals eigvalsh qr svd svdvals",
)
offer({"svd": old_svd, "qr": old_qr, "cholesky": old_cholesky, "geqrf": geqrf}, both="cholesky geqrf qr svd")
nameless(globals())

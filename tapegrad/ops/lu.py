"""LU and LDL factors, and systems of equations from them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import tapegrad.define.batching as B
import tapegrad.kernels.factor as K
import tapegrad.kernels.ldl as D
from tapegrad._errors import LinAlgError, sizes
from tapegrad._state import watch
from tapegrad.define import finish, offer, opaque
from tapegrad.define.refusing import no_derivative
from tapegrad.kernels.errstate import nameless
from tapegrad.naming import argument
from tapegrad.ops.factored import bar, cut, dtype_of, factored, matrices, mH
from tapegrad.ops.linalg import matmul
from tapegrad.ops.results import kind, written
from tapegrad.ops.shape import mT
from tapegrad.ops.solve import solved_triangle, triangle
from tapegrad.ops.views import adjoint
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, wrap


class _Lu(NamedTuple):
    """A = P L U."""

    P: Tensor
    L: Tensor
    U: Tensor


class _Factored(NamedTuple):
    """L below U in one matrix (L's diagonal is 1), and the rows that were swapped, counted from 1 (int32)."""

    LU: Tensor
    pivots: Tensor


class _FactoredEx(NamedTuple):
    """The same, and per entry the first pivot that is 0, or 0 (int32)."""

    LU: Tensor
    pivots: Tensor
    info: Tensor


_lu_result, _lu_unpack_result = kind("linalg_lu", _Lu), kind("lu_unpack", _Lu)
_lu_factor_result, _lu_factor_ex_result = (
    kind("linalg_lu_factor", _Factored),
    kind("linalg_lu_factor_ex", _FactoredEx),
)


# ---- LU


def _lu_kernel(a: Any) -> tuple[Any, Any, Any]:
    lu, swaps, p = K.lu(a)
    return lu, swaps, K.permutation_matrix(p, a.dtype)


def _lu_rule(F: Any, gs: Any, factors: Any, a: Any) -> Any:
    # Source: torch's plu_backward. A = P [L1; L2] [U1, U2].
    g, (lu, _, p) = gs[0], factors
    if g is None:
        return None
    m, n = a.shape[-2:]
    k, rest = min(m, n), slice(None)
    head, tail = slice(k), slice(k, None)
    l1 = F.triangle(cut(F, lu, head, head), False, -1) + K.eye(k, dtype_of(lu))
    u1 = F.triangle(cut(F, lu, head, head), True)
    gl, gu = F.triangle(cut(F, g, head, head), False, -1), F.triangle(cut(F, g, head, head), True)
    lh, uh = mH(F, l1), mH(F, u1)
    right = below = None
    if n > k:
        u2 = cut(F, lu, rest, tail)
        right = F.solved_triangle(lh, cut(F, g, rest, tail), True, True)
        gl = gl - F.matmul(right, mH(F, u2))
    if m > k:
        l2 = cut(F, lu, tail, rest)
        below = mH(F, F.solved_triangle(u1, mH(F, cut(F, g, tail, rest)), True, False))
        gu = gu - F.matmul(mH(F, l2), below)
    inner = F.triangle(F.matmul(lh, gl), False, -1) + F.triangle(F.matmul(gu, uh), True)
    half = F.solved_triangle(lh, inner, True, True)
    ga = mH(F, F.solved_triangle(u1, mH(F, half), True, False))
    if right is not None:
        ga = F.cat([ga, right], -1)
    if below is not None:
        ga = F.cat([ga, below], -2)
    return F.matmul(p, ga)


_lu = factored(
    "linalg_lu_factor",
    _lu_kernel,
    lambda m, n: ((m, n), (min(m, n),), (m, m)),
    _lu_rule,
    title="LinalgLuFactorExBackward0",
    kinds="=i0",
)
_zero_pivot = opaque(
    "linalg_lu_factor.info", K.first_zero, d=(None,), shapes=False, arguments=False, batch=B.leading(2)
)


def _swaps_as_matrix(swaps: Any, m: int, dtype: Any) -> Any:
    return K.permutation_matrix(K.permutation(swaps, m), dtype)


_permutation = opaque("lu_unpack.permutation", _swaps_as_matrix, d=(None,), shapes=False, batch=B.leading(1))


def _need_pivots(op: str, pivot: bool) -> None:
    if not pivot:
        raise RuntimeError(f"{op}: pivot is False; on the CPU rows are always swapped. Leave it out.")


def _refuse_zero(op: str, info: Tensor) -> None:
    """Raises: RuntimeError where a pivot is 0 (but within transforms, where values are not looked at)."""
    if not watch().levels and info._a.any():
        at = tuple(np.argwhere(info._a)[0].tolist())
        raise RuntimeError(
            f"{op}: A{list(at) if at else ''} has a pivot {int(info._a[at])} that is 0, by which lu_solve "
            "would divide; use linalg.lu or linalg.lu_factor_ex for singular matrices."
        )


def lu_factor(A: Tensor, *, pivot: bool = True, out: Any = None) -> Any:
    """The LU factors of matrices [..., m, n] in compact form, as (LU [..., m, n], pivots [..., min(m, n)]).

    Raises: RuntimeError where a pivot is 0.
    """
    op = "linalg.lu_factor"
    _need_pivots(op, pivot)
    lu, pivots, _ = _lu(matrices(A, op))
    _refuse_zero(op, _zero_pivot(lu.detach()))
    return written(_lu_factor_result(lu, pivots), out, op)


def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False, out: Any = None) -> Any:
    """`lu_factor` and what went wrong, as (LU, pivots, info). Raises: RuntimeError where a pivot is 0, if
    check_errors."""
    op = "linalg.lu_factor_ex"
    _need_pivots(op, pivot)
    lu, pivots, _ = _lu(matrices(A, op))
    info = _zero_pivot(lu.detach())
    if check_errors:
        _refuse_zero(op, info)
    return written(_lu_factor_ex_result(lu, pivots, info), out, op)


def _unpacked(lu: Tensor) -> tuple[Tensor, Tensor]:
    """L [..., m, k] and U [..., k, n] from their compact form."""
    k = min(lu._a.shape[-2:])
    one = wrap(K.eye(lu._a.shape[-2], lu._kind)[:, :k])
    return triangle(lu[..., :, :k], False, -1) + one, triangle(lu[..., :k, :], True)


def lu(A: Tensor, *, pivot: bool = True, out: Any = None) -> Any:
    """A = P L U with a permutation P [..., m, m], L [..., m, k] with ones on its diagonal, and U [..., k,
    n]."""
    _need_pivots("linalg.lu", pivot)
    found, _, p = _lu(matrices(A, "linalg.lu"))
    return written(_lu_result(p, *_unpacked(found)), out, "linalg.lu")


def lu_unpack(
    LU_data: Tensor,
    LU_pivots: Tensor,
    unpack_data: bool = True,
    unpack_pivots: bool = True,
    *,
    out: Any = None,
) -> Any:
    """The factors P, L and U from the compact form of `linalg.lu_factor`; empty where they are not wanted."""
    x = matrices(LU_data, "lu_unpack", name="LU_data")
    pivots = need_tensor(LU_pivots, "lu_unpack", "LU_pivots")
    if pivots._kind.name != "int32":
        raise RuntimeError(
            f"lu_unpack: {argument('LU_pivots', pivots)} is {pivots.dtype}; int32 is needed, as lu_factor "
            "gives."
        )
    none = np.empty(0, x._kind)
    p = _permutation(pivots, x._a.shape[-2], x._kind) if unpack_pivots else wrap(none)
    factors = _unpacked(x) if unpack_data else (wrap(none), wrap(none))
    return written(_lu_unpack_result(p, *factors), out, "lu_unpack")


def lu_solve(
    LU: Tensor,
    pivots: Tensor,
    B: Tensor,
    *,
    left: bool = True,
    adjoint: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """X with A X = B (X A = B unless `left`; A^H in place of A if `adjoint`), from `linalg.lu_factor(A)`.

    Shapes: LU [..., n, n], pivots [..., n], B [..., n, k] ([..., k, n]); leading sizes broadcast.
    """
    op = "linalg.lu_solve"
    x, y = matrices(LU, op, square=True, name="LU"), matrices(B, op, name="B")
    n = x._a.shape[-1]
    if x._kind is not y._kind or y._a.shape[-2 if left else -1] != n or pivots._kind.name != "int32":
        raise RuntimeError(
            f"{op}: LU is {x.dtype}{sizes(x._a.shape)}, B {y.dtype}{sizes(y._a.shape)} and pivots "
            f"{pivots.dtype}; one dtype, int32 pivots, and {n} {'rows' if left else 'columns'} in B are "
            "needed."
        )
    p = _permutation(pivots, n, x._kind)
    if not left:
        return finish(_H(_lu_solved(x, p, _H(y), not adjoint)), out, op)
    return finish(_lu_solved(x, p, y, adjoint), out, op)


_H = adjoint


def _lu_solved(x: Tensor, p: Tensor, y: Tensor, transposed: bool) -> Tensor:
    if not transposed:
        return solved_triangle(x, solved_triangle(x, matmul(mT(p), y), False, True), True, False)
    xh = _H(x)
    return matmul(p, solved_triangle(xh, solved_triangle(xh, y, False, False), True, True))


def old_lu(A: Tensor, pivot: bool = True, get_infos: bool = False, out: Any = None) -> Any:
    """The compact LU factors, as (LU, pivots) or with get_infos (LU, pivots, info)."""
    if get_infos:
        return lu_factor_ex(A, pivot=pivot, out=out)
    return tuple(lu_factor(A, pivot=pivot, out=out))


def old_lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The same as linalg.lu_solve(LU_data, LU_pivots, b)."""
    return lu_solve(LU_data, LU_pivots, b, out=out)


# ---- LDL


class _Ldl(NamedTuple):
    """The factors in one matrix, in LAPACK's form, and the pivots (int32)."""

    LD: Tensor
    pivots: Tensor


class _LdlEx(NamedTuple):
    """The same, and per entry the first block of D that is 0, or 0 (int32)."""

    LD: Tensor
    pivots: Tensor
    info: Tensor


_ldl_result, _ldl_ex_result = kind("linalg_ldl_factor", _Ldl), kind("linalg_ldl_factor_ex", _LdlEx)


_no_derivative = no_derivative(
    "linalg.ldl_factor",
    why="LDL factors have no derivative",
    cure="use linalg.cholesky or linalg.lu_factor",
)

_ldl = factored(
    "linalg_ldl_factor",
    D.factor,
    lambda m, n, hermitian: ((m, n), (n,)),
    _no_derivative,
    title="NotImplemented",
    kinds="=i",
)
_ldl_info = opaque(
    "linalg_ldl_factor.info",
    D.first_zero,
    d=(None, None),
    shapes=False,
    arguments=False,
    batch=B.leading(2, 1),
)
_ldl_solve = opaque(
    "linalg_ldl_solve",
    D.solve,
    d=(
        _no_derivative,
        None,
        # The matrix is symmetric; if Hermitian, its transpose is its conjugate.
        lambda F, g, x, pivots, shapes, hermitian: F.sum_to(
            bar(F, F.ldl_solved(x, pivots, bar(F, g), True))
            if hermitian
            else F.ldl_solved(x, pivots, g, False),
            shapes[2],
        ),
    ),
    saves=((), (), (0, 1)),
    batch=B.leading(2, 1, 2),
)


def ldl_solved(x: Tensor, pivots: Tensor, b: Tensor, hermitian: bool) -> Tensor:
    """y with a y = b, from the factors of a."""
    return _ldl_solve(x, pivots, b, hermitian)


def ldl_factor_ex(A: Tensor, *, hermitian: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    """LDL factors of symmetric (or Hermitian) matrices [..., n, n] that need not be definite, as (LD, pivots,
    info). Only the lower triangle is read. There is no derivative.

    Raises: LinAlgError for a singular matrix if check_errors.
    """
    op = "linalg.ldl_factor_ex"
    ld, pivots = _ldl(matrices(A, op, square=True), hermitian)
    info = _ldl_info(ld.detach(), pivots)
    if check_errors and not watch().levels and info._a.any():
        raise LinAlgError(f"{op}: a block of D is 0; an invertible matrix is needed.")
    return written(_ldl_ex_result(ld, pivots, info), out, op)


def ldl_factor(A: Tensor, *, hermitian: bool = False, out: Any = None) -> Any:
    """`ldl_factor_ex` as (LD, pivots). Raises: LinAlgError for a singular matrix."""
    ld, pivots, _ = ldl_factor_ex(A, hermitian=hermitian, check_errors=True)
    return written(_ldl_result(ld, pivots), out, "linalg.ldl_factor")


def ldl_solve(
    LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False, out: Tensor | None = None
) -> Tensor:
    """X with A X = B, from `linalg.ldl_factor(A)`. Its gradient is that of B alone."""
    op = "linalg.ldl_solve"
    x, y = matrices(LD, op, square=True, name="LD"), matrices(B, op, name="B")
    if x._kind is not y._kind or y._a.shape[-2] != x._a.shape[-1]:
        raise RuntimeError(
            f"{op}: LD is {x.dtype}{sizes(x._a.shape)} and B {y.dtype}{sizes(y._a.shape)}; one dtype and as "
            "many rows are needed."
        )
    return finish(ldl_solved(x, need_tensor(pivots, op, "pivots"), y, hermitian), out, op)


offer(
    globals(),
    namespace="linalg",
    functions="ldl_factor ldl_factor_ex ldl_solve lu lu_factor lu_factor_ex lu_solve",
)
offer({"lu": old_lu, "lu_solve": old_lu_solve}, both="lu lu_solve")
offer(globals(), functions="lu_unpack", rules="ldl_solved")
nameless(globals())

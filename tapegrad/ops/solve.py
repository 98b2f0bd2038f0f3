"""Systems of linear equations: inverses, determinants, solutions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import tapegrad.define.batching as B
import tapegrad.kernels.cofactors as C
import tapegrad.kernels.factor as K
import tapegrad.kernels.lapack as LA
from tapegrad._errors import sizes
from tapegrad.define import OUT, cast, finish, linear, offer, opaque
from tapegrad.kernels.errstate import nameless
from tapegrad.naming import argument
from tapegrad.ops.factored import dtype_of, factored, matrices, mH
from tapegrad.ops.products import same_dtype
from tapegrad.ops.results import kind, written
from tapegrad.ops.shape import mT, squeeze, unsqueeze
from tapegrad.ops.views import adjoint
from tapegrad.tensor import Tensor, wrap

triangle = linear(
    "triangle",
    K.triangle,
    lambda F, g, shape, upper, k=0: F.triangle(g, upper, k),
    title="TriuBackward0",
    batch=B.same,
)

# ---- inverses


def _inv_kernel(a: Any, op: str) -> Any:
    return LA.inv(a, op) if op else LA.inv_ex(a)[0]


_inv = opaque(
    "linalg_inv",
    _inv_kernel,
    d=(lambda F, g, y, op: -F.matmul(F.matmul(F.mT(y), g), F.mT(y)),),
    saves=((OUT,),),
    shapes=False,
    title="LinalgInvExBackward0",
    batch=B.leading(2),
)
_inv_info = opaque(
    "linalg_inv.info",
    lambda a: LA.inv_ex(a)[1],
    d=(None,),
    shapes=False,
    arguments=False,
    batch=B.leading(2),
)


class _Inverse(NamedTuple):
    """The inverse, and per entry of the batch the first pivot that is 0, or 0 (int32)."""

    inverse: Tensor
    info: Tensor


_inv_ex_result = kind("linalg_inv_ex", _Inverse)


def inv(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inverses of square matrices [..., n, n].

    Raises: LinAlgError for a singular matrix; RuntimeError for other shapes and dtypes.
    """
    x = matrices(A, "linalg.inv", square=True, narrow=RuntimeError)
    return finish(_inv(x, "linalg.inv"), out, "linalg.inv")


def inverse(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The same as linalg.inv."""
    return inv(input, out=out)


def inv_ex(A: Tensor, *, check_errors: bool = False, out: Any = None) -> Any:
    """The inverses of square matrices [..., n, n] and what went wrong, as (inverse, info).

    Raises: LinAlgError for a singular matrix if check_errors; otherwise its inverse is nan and its info is
    not 0.
    """
    x = matrices(A, "linalg.inv_ex", square=True, narrow=RuntimeError)
    result = _inv_ex_result(_inv(x, "linalg.inv_ex" if check_errors else ""), _inv_info(x.detach()))
    return written(result, out, "linalg.inv_ex")


# ---- determinants


def _inner(F: Any, x: Any, y: Any) -> Any:
    """The sums of products of matrices, as [..., 1, 1]."""
    return _scalar(F, F.sum(x * y, (-2, -1), False))


def _third(F: Any, g: Any, a: Any, h: Any) -> Any:
    """The cotangent of a in cofactor_moved(a, h): a third derivative of det, not defined where that is 0."""
    c, d = F.cofactor(a), _scalar(F, F.linalg_det(a))
    along, other = _inner(F, g, c), _inner(F, h, c)
    crossed = F.matmul(g, F.matmul(F.mT(c), h)) + F.matmul(h, F.matmul(F.mT(c), g))
    both = along * other - _inner(F, g, F.matmul(c, F.matmul(F.mT(h), c)))
    moved = F.cofactor_moved(a, g) * other + F.cofactor_moved(a, h) * along - F.cofactor_moved(a, crossed)
    return moved / d - c * both / (d * d)


# The second derivatives of det are symmetric, so the derivative of the cofactors is its own adjoint.
_cofactor_moved = opaque(
    "linalg_cofactor.moved",
    C.cofactor_moved,
    d=(_third, lambda F, g, a: F.cofactor_moved(a, g)),
    saves=((0, 1), (0,)),
    shapes=False,
    arguments=False,
    batch=B.leading(2, 2),
)
_cofactor = opaque(
    "linalg_cofactor",
    C.cofactor,
    d=(lambda F, g, a: F.cofactor_moved(a, g),),
    saves=((0,),),
    shapes=False,
    arguments=False,
    batch=B.leading(2),
)


def cofactor(input: Tensor) -> Tensor:
    """det(A) A^-T, also of singular matrices."""
    return _cofactor(input)


def cofactor_moved(input: Tensor, by: Tensor) -> Tensor:
    """How the cofactors change if the matrices move by `by`."""
    return _cofactor_moved(input, by)


def _scalar(F: Any, x: Any) -> Any:
    """[...] as [..., 1, 1]."""
    return F.getitem(x, (Ellipsis, None, None))


_det = opaque(
    "linalg_det",
    LA.det,
    d=(lambda F, g, a: _scalar(F, g) * F.cofactor(a),),
    saves=((0,),),
    shapes=False,
    arguments=False,
    title="LinalgDetBackward0",
    batch=B.leading(2),
)


def det(A: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The determinants [...] of square matrices [..., n, n]."""
    return finish(_det(matrices(A, "linalg.det", square=True)), out, "linalg.det")


def old_det(input: Tensor) -> Tensor:
    """The same as linalg.det."""
    return det(input)


class _Slogdet(NamedTuple):
    """The sign of the determinant (of magnitude 1, or 0), and the logarithm of its magnitude."""

    sign: Tensor
    logabsdet: Tensor


_slogdet_result, _old_slogdet_result = kind("linalg_slogdet", _Slogdet), kind("slogdet", _Slogdet)


def _slogdet_rule(F: Any, gs: Any, factors: Any, a: Any) -> Any:
    # d log det = tr(A^-1 dA); its real part moves the magnitude, its imaginary part the sign.
    (gsign, glog), (sign, _) = gs, factors
    w = glog
    if dtype_of(a).kind == "c" and gsign is not None:
        turn = F.imag(F.conj(gsign) * sign) * -1j
        w = turn if w is None else w + turn
    return None if w is None else _scalar(F, w) * mH(F, F.inverse_or_nan(a))


_slogdet = factored(
    "linalg_slogdet",
    LA.slogdet,
    lambda m, n: ((), ()),
    _slogdet_rule,
    title="LinalgSlogdetBackward0",
    kinds="=r",
    values=True,
)


def inverse_or_nan(input: Tensor) -> Tensor:
    """The inverse, nan where there is none."""
    return _inv(input, "")


def slogdet(A: Tensor, *, out: Any = None) -> Any:
    """The sign and the logarithm of the magnitude of determinants, as (sign, logabsdet), each [...]."""
    x = matrices(A, "linalg.slogdet", square=True, narrow=RuntimeError)
    return written(_slogdet_result(*_slogdet(x)), out, "linalg.slogdet")


def old_slogdet(input: Tensor, *, out: Any = None) -> Any:
    """The same as linalg.slogdet."""
    return written(_old_slogdet_result(*slogdet(input)), out, "slogdet")


def logdet(input: Tensor) -> Tensor:
    """The logarithm of determinants; nan where one is negative."""
    x = matrices(input, "logdet", square=True, narrow=RuntimeError)
    sign, log = _slogdet(x)
    return (sign.log() + log) if dtype_of(x).kind == "c" else (sign.detach().log() + log)


# ---- solutions


def _pair(key: str, kernel: Any, vjp: Any, title: str) -> Any:
    """An op of (A, B) whose two cotangents share their work: vjp(F, g, y, a, *args) -> (that of B, a function
    that gives that of A)."""

    def both(F: Any, g: Any, saved: Any, meta: Any, need: Any) -> Any:
        (a_shape, b_shape), *args = meta
        y, a, _ = saved
        gb, ga = vjp(F, g, y, a, *args)
        return (
            None if need[0] is None else F.sum_to(ga(), a_shape),
            None if need[1] is None else F.sum_to(gb, b_shape),
        )

    return opaque(
        key,
        kernel,
        d=(None, None),
        vjp=both,
        saves=((0, OUT), (0,)),
        title=title,
        batch=B.leading(2, 2),
    )


def _solve_vjp(F: Any, g: Any, y: Any, a: Any, op: str) -> Any:
    gb = F.solved(F.mT(a), g)
    return gb, lambda: -F.matmul(gb, F.mT(y))


def _triangular_vjp(F: Any, g: Any, y: Any, a: Any, upper: bool, unit: bool) -> Any:
    gb = F.solved_triangle(F.mT(a), g, not upper, unit)
    k = int(unit) if upper else -int(unit)
    return gb, lambda: F.triangle(-F.matmul(gb, F.mT(y)), upper, k)


def _solve_kernel(a: Any, b: Any, op: str) -> Any:
    return LA.solve(a, b, op) if op else LA.solve_ex(a, b)[0]


_solve = _pair("linalg_solve", _solve_kernel, _solve_vjp, "LinalgSolveExBackward0")
_solve_info = opaque(
    "linalg_solve.info",
    lambda a, b: LA.solve_ex(a, b)[1],
    d=(None, None),
    shapes=False,
    arguments=False,
    batch=B.leading(2, 2),
)
_solve_triangular = _pair(
    "linalg_solve_triangular", K.solve_triangular, _triangular_vjp, "LinalgSolveTriangularBackward0"
)


def solved(a: Tensor, b: Tensor) -> Tensor:
    """x with a x = b; matrices only."""
    return _solve(a, b, "linalg.solve")  # type: ignore[no-any-return] # a Tensor


def solved_triangle(a: Tensor, b: Tensor, upper: bool, unit: bool) -> Tensor:
    """x with a x = b for a triangular a; matrices only."""
    return _solve_triangular(a, b, upper, unit)  # type: ignore[no-any-return] # a Tensor


def is_vector(a: Any, b: Any) -> bool:
    """Whether b holds vectors [..., n] to matrices a [..., n, n], rather than matrices."""
    return bool(b.ndim == 1 or (a.ndim - 1 == b.ndim and b.shape == a.shape[:-1]))


def _system(op: str, A: Any, B_: Any, left: bool, vector: bool) -> tuple[Tensor, Tensor]:
    """A and B of a system, checked. Raises: as `matrices`; RuntimeError if they do not fit."""
    x, y = same_dtype(op, A=A, B=B_)
    matrices(x, op, square=True)
    a, b = x._a, y._a
    if vector and not left:
        raise RuntimeError(
            f"{op}: B is a vector {sizes(b.shape)}, which goes with left=True only; pass a matrix, or leave "
            "left out."
        )
    shape = (*b.shape, 1) if vector else b.shape
    fits = len(shape) > 1 and shape[-2 if left else -1] == a.shape[-1]
    if fits:
        try:
            np.broadcast_shapes(a.shape[:-2], shape[:-2])
        except ValueError:
            fits = False
    if not fits:
        raise RuntimeError(
            f"{op}: {argument('A', x)} is {sizes(a.shape)} and {argument('B', y)} is {sizes(b.shape)}; B "
            f"needs as many {'rows' if left else 'columns'} as A, and leading sizes that broadcast."
        )
    return x, y


def _solution(op: str, A: Any, B_: Any, left: bool, check: str) -> Tensor:
    vector = isinstance(A, Tensor) and isinstance(B_, Tensor) and is_vector(A._a, B_._a)
    x, y = _system(op, A, B_, left, vector)
    if vector:
        return squeeze(_solve(x, unsqueeze(y, -1), check), -1)
    return _solve(x, y, check) if left else mT(_solve(mT(x), mT(y), check))


def solve(A: Tensor, B: Tensor, *, left: bool = True, out: Tensor | None = None) -> Tensor:
    """X with A X = B, or X A = B unless `left`.

    Shapes: A [..., n, n]; B [..., n, k], or [..., k, n] unless `left`, or vectors [n] or [..., n] with A's
    leading sizes. Leading sizes broadcast.
    Raises: LinAlgError for a singular A; RuntimeError for sizes that do not meet or mixed dtypes.
    """
    return finish(_solution("linalg.solve", A, B, left, "linalg.solve"), out, "linalg.solve")


class _Solved(NamedTuple):
    """The solution, and per entry of the batch the first pivot that is 0, or 0 (int32)."""

    result: Tensor
    info: Tensor


_solve_ex_result = kind("linalg_solve_ex", _Solved)


def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False, out: Any = None) -> Any:
    """`solve`, and what went wrong, as (result, info).

    Raises: LinAlgError for a singular A if check_errors; otherwise the result is nan there and info not 0.
    """
    op = "linalg.solve_ex"
    x = _solution(op, A, B, left, op if check_errors else "")
    a = A.detach()
    return written(_solve_ex_result(x, _solve_info(a, a)), out, op)


def solve_triangular(
    A: Tensor,
    B: Tensor,
    *,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """X with A X = B (X A = B unless `left`), for a triangular A, of which the other triangle is not read.

    unitriangular: A's diagonal is taken as 1. A zero on the diagonal gives inf and nan.
    Shapes: A [..., n, n]; B [..., n, k] ([..., k, n]); leading sizes broadcast.
    """
    op = "linalg.solve_triangular"
    x, y = matrices(A, op), matrices(B, op, name="B")
    if x._kind is not y._kind:
        wide = np.result_type(x._kind, y._kind)
        x, y = cast(x, wide), cast(y, wide)
    x, y = _system(op, x, y, left, False)
    if left:
        return finish(solved_triangle(x, y, upper, unitriangular), out, op)
    return finish(mT(solved_triangle(mT(x), mT(y), not upper, unitriangular)), out, op)


class _TriangularSolve(NamedTuple):
    """The solution, and a copy of the coefficients."""

    solution: Tensor
    cloned_coefficient: Tensor


_triangular_solve_result = kind("triangular_solve", _TriangularSolve)


def triangular_solve(
    b: Tensor,
    A: Tensor,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
    *,
    out: Any = None,
) -> Any:
    """X with A X = b (A^T X = b if `transpose`) for a triangular A, as (solution, cloned_coefficient)."""
    x, y = _system("triangular_solve", A, matrices(b, "triangular_solve", name="b"), True, False)
    a = mT(x) if transpose else x
    solution = solved_triangle(a, y, bool(upper) != bool(transpose), unitriangular)
    return written(_triangular_solve_result(solution, x.clone()), out, "triangular_solve")


def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False, *, out: Tensor | None = None) -> Tensor:
    """X with A X = B, from A's Cholesky factor: A = L L^H, or A = L^H L if it is `upper`."""
    y, x = matrices(B, "cholesky_solve", name="B"), matrices(L, "cholesky_solve", square=True, name="L")
    _system("cholesky_solve", x, y, True, False)
    first, second = (adjoint(x), x) if upper else (x, adjoint(x))
    return finish(
        solved_triangle(second, solved_triangle(first, y, False, False), True, False), out, "cholesky_solve"
    )


def cholesky_inverse(L: Tensor, upper: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The inverse of A, from its Cholesky factor: A = L L^H, or A = L^H L if it is `upper`."""
    x = matrices(L, "cholesky_inverse", square=True, name="L")
    first = adjoint(x) if upper else x
    half = solved_triangle(first, wrap(K.eye(x._a.shape[-1], x._kind)), False, False)
    return finish(adjoint(half) @ half, out, "cholesky_inverse")


offer(globals(), namespace="linalg", functions="det inv inv_ex slogdet solve solve_ex solve_triangular")
offer({"det": old_det, "slogdet": old_slogdet}, both="det slogdet")
offer(
    globals(),
    both="cholesky_inverse cholesky_solve inverse logdet triangular_solve",
    rules="cofactor cofactor_moved inverse_or_nan solved solved_triangle triangle",
)
nameless(globals())

"""Inverses, determinants, factors and functions of matrices.

Factors are not unique: vectors may change their signs, and phases. So samples are functions that do not
change with them; these alone have gradients, too.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from tapegrad.testing.samples.base import Call, Row, call, kink, x

SQUARE = (
    call(x(3, 3)),
    call(x(1, 1)),
    call(x(4, 4, dtype="float64")),
    call(x(2, 3, 3)),
    call(x(2, 1, 2, 2)),
    call(x(0, 3, 3)),
    call(x(0, 0)),
    call(x(4, 4, layout="transposed")),
    call(x(3, 3, layout="strided")),
    call(x(2, 3, 3, layout="expanded")),
)
OBLONG = (
    call(x(3, 3)),
    call(x(5, 3)),
    call(x(3, 5)),
    call(x(2, 4, 3, dtype="float64")),
    call(x(2, 3, 4)),
    call(x(4, 1)),
    call(x(0, 3, 2)),
    call(x(4, 3, layout="transposed")),
)
EMPTY = (call(x(0, 3)), call(x(3, 0)))
_NO_SQUARE = (call(x(2, 3)), call(x(3)), call(x(3, 3, dtype="int64")), call(None))
_NO_MATRIX = (call(x(3)), call(x(3, 3, dtype="int64")))
_SINGULAR = (call(x(2, 2, values=[1, 2, 2, 4])), call(x(2, 2, 2, values=[1, 0, 0, 1, 0, 0, 0, 0])))
_EXACT: dict[str, Any] = {"ulps": 256, "whole": True}

How = Callable[..., Any]


def row(name: str, how: How, samples: tuple[Call, ...], errors: tuple[Call, ...] = (), **facts: Any) -> Row:
    """A row that is called by `how`."""
    return Row(name, samples, errors, how=how, **{**_EXACT, **facts})


def plain(
    name: str, samples: tuple[Call, ...], errors: tuple[Call, ...] = (), *, part: str = "", **facts: Any
) -> Row:
    """A row of torch.linalg that is called as it is. part: what sets its name apart from another row's."""

    def how(torch: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(torch.linalg, name)(*args, **kwargs)

    return row(f"linalg.{name}{part}", how, samples, errors, **facts)


def symmetric(a: Any) -> Any:
    """A symmetric matrix, a Hermitian one if it is complex."""
    return (a + a.adjoint()) / 2 if hasattr(a, "adjoint") and a.ndim > 1 else a


def squares(a: Any) -> Any:
    """The squares of the magnitudes."""
    return a.abs() * a.abs()


def definite(torch: Any, a: Any) -> Any:
    """A positive definite matrix."""
    return a @ a.adjoint() + torch.eye(a.shape[-1], dtype=a.dtype)


def away(torch: Any, a: Any) -> Any:
    """A matrix with a small condition number."""
    return a / 4 + 2 * torch.eye(a.shape[-1], dtype=a.dtype)


def lower(torch: Any, a: Any) -> Any:
    """A lower triangle with a small condition number."""
    return torch.linalg.cholesky(definite(torch, a))


def _eigh(torch: Any, a: Any, **kwargs: Any) -> Any:
    values, vectors = torch.linalg.eigh(symmetric(a), **kwargs)
    return values, squares(vectors)


def _projector(torch: Any, a: Any) -> Any:
    v = torch.linalg.eigh(symmetric(a)).eigenvectors[..., :1]
    return v @ v.adjoint()


def _eig(torch: Any, a: Any) -> Any:
    values, vectors = torch.linalg.eig(a)
    mixed = vectors * values.abs()[..., None, :]
    return torch.view_as_real(mixed @ torch.linalg.inv(vectors)), squares(values).sum(-1)


def _lobpcg(torch: Any, a: Any, start: Any, **kwargs: Any) -> Any:
    values, vectors = torch.lobpcg(definite(torch, a), X=start.clone(), **kwargs)
    return values, squares(vectors)


def _svd(torch: Any, a: Any, full: bool) -> Any:
    u, s, vh = torch.linalg.svd(a, full_matrices=full)
    k = s.shape[-1]
    u, vh = u[..., :k], vh[..., :k, :]
    return squares(u), s, u @ vh


def _qr(torch: Any, a: Any, **kwargs: Any) -> Any:
    q, r = torch.linalg.qr(a, **kwargs)
    return (squares(r),) if kwargs.get("mode") == "r" else (squares(q), q[..., :1] @ r[..., :1, :])


def _lstsq(torch: Any, a: Any, b: Any, **kwargs: Any) -> Any:
    found = torch.linalg.lstsq(a, b, **kwargs)
    return found.solution, found.rank.detach(), found.singular_values.detach()


def _residuals(torch: Any, a: Any, b: Any) -> Any:
    return torch.linalg.lstsq(a, b, driver="gelsd").residuals


def _solve_from_lu(torch: Any, a: Any, b: Any, **kwargs: Any) -> Any:
    lu, pivots = torch.linalg.lu_factor(away(torch, a))
    return torch.linalg.lu_solve(lu, pivots, b, **kwargs)


def _lu_factor(torch: Any, a: Any) -> Any:
    lu, pivots, info = torch.linalg.lu_factor_ex(a)
    return lu, pivots, info


def _unpacked(torch: Any, a: Any) -> Any:
    return tuple(torch.lu_unpack(*torch.linalg.lu_factor(a)))


def _ldl_solve(torch: Any, a: Any, b: Any) -> Any:
    found = torch.linalg.ldl_factor(symmetric(a))
    return torch.linalg.ldl_solve(found.LD, found.pivots, b)


def _ldl(torch: Any, a: Any) -> Any:
    found = torch.linalg.ldl_factor_ex(symmetric(a).detach())
    return found.LD, found.pivots, found.info


SYSTEMS = (
    call(x(3, 3), x(3, 2)),
    call(x(3, 3), x(3)),
    call(x(2, 3, 3), x(2, 3)),
    call(x(2, 3, 3), x(3, 2)),
    call(x(3, 3), x(2, 3, 2)),
    call(x(3, 1, 2, 2), x(2, 2, 4)),
    call(x(3, 3), x(2, 3), left=False),
    call(x(3, 3, layout="transposed"), x(3, 2, layout="strided")),
    call(x(3, 3, dtype="float64"), x(3, 1, dtype="float64")),
    call(x(0, 3, 3), x(3, 2)),
    call(x(0, 0), x(0, 2)),
    call(x(3, 3), x(3, 0)),
    call(x(3, 3, grad=False), x(3, 2)),
    call(x(3, 3), x(3, 2, grad=False)),
)
_NO_SYSTEMS = (
    call(x(3, 3), x(2, 2)),
    call(x(2, 3), x(2, 2)),
    call(x(3, 3), x(3, 2, dtype="float64")),
    call(x(2, 3, 3), x(3, 3, 2)),
)
_MATRIX_SYSTEMS = tuple([c for c in SYSTEMS if c.args[1].shape not in ((3,), (2, 3)) or c.kwargs])
_TRIANGLES = (
    *[call(x(3, 3), x(3, 2), upper=u, unitriangular=n) for u in (True, False) for n in (True, False)],
    call(x(2, 3, 3), x(3, 2), upper=True),
    call(x(3, 3), x(2, 3), upper=False, left=False),
    call(x(3, 3), x(2, 3), upper=True, left=False, unitriangular=True),
    call(x(70, 70), x(70, 2), upper=True),
    call(x(0, 0), x(0, 2), upper=True),
)
_NORMS = ("fro", "nuc", 2, -2, 1, -1, inf, -inf)

ROWS = (
    row("linalg.inv", lambda torch, a: torch.linalg.inv(away(torch, a)), SQUARE),
    plain("inv", (call(x(3, 3)),), (*_NO_SQUARE, *_SINGULAR), part=".errors"),
    Row("inverse", (call(x(3, 3)), call(x(2, 3, 3))), _SINGULAR, out=True, **_EXACT),
    row(
        "linalg.inv_ex",
        lambda torch, a: tuple(torch.linalg.inv_ex(away(torch, a))),
        SQUARE,
    ),
    plain("det", (*SQUARE, kink(x(2, 2, values=[1, 1, 0, 0])), kink(x(3, 3, values=[0] * 9))), _NO_SQUARE),
    row("slogdet", lambda torch, a: torch.slogdet(a).logabsdet, SQUARE, _NO_SQUARE[:3]),
    row("linalg.slogdet", lambda torch, a: torch.linalg.slogdet(a).sign.detach(), SQUARE, _NO_SQUARE[:3]),
    row("logdet", lambda torch, a: torch.logdet(definite(torch, a)), SQUARE),
    row(
        "linalg.solve",
        lambda torch, a, b, **k: torch.linalg.solve(away(torch, a), b, **k),
        SYSTEMS,
    ),
    plain("solve", (call(x(3, 3), x(3)),), (*_NO_SYSTEMS, call(_SINGULAR[0].args[0], x(2))), part=".errors"),
    row(
        "linalg.solve_ex",
        lambda torch, a, b, **k: tuple(torch.linalg.solve_ex(away(torch, a), b, **k)),
        SYSTEMS,
    ),
    row(
        "linalg.solve_triangular",
        lambda torch, a, b, **k: torch.linalg.solve_triangular(away(torch, a), b, **k),
        _TRIANGLES,
        tuple([call(*_NO_SYSTEMS[i].args, upper=True) for i in (0, 3)]),
    ),
    row(
        "triangular_solve",
        lambda torch, a, b, **k: torch.triangular_solve(b, away(torch, a), **k)[0],
        (call(x(3, 3), x(3, 2)), call(x(3, 3), x(3, 2), upper=False, transpose=True)),
    ),
    row(
        "linalg.cholesky",
        lambda torch, a, **k: torch.linalg.cholesky(definite(torch, a), **k),
        (*SQUARE, call(x(3, 3), upper=True), call(x(2, 3, 3), upper=True)),
    ),
    plain("cholesky", (), (*_NO_SQUARE, *_SINGULAR, call(x(2, 2, values=[1, 0, 0, -1]))), part=".errors"),
    row(
        "cholesky", lambda torch, a, *k: definite(torch, a).cholesky(*k), (call(x(3, 3)), call(x(3, 3), True))
    ),
    row(
        "linalg.cholesky_ex",
        lambda torch, a, **k: tuple(torch.linalg.cholesky_ex(definite(torch, a), **k)),
        SQUARE,
    ),
    row(
        "linalg.cholesky_ex.info",
        lambda torch, a: torch.linalg.cholesky_ex(a).info,
        (*_SINGULAR, call(x(3, 3, values=[1, 0, 0, 0, 1, 0, 0, 0, -1]))),
        derivative=False,
    ),
    row(
        "cholesky_solve",
        lambda torch, a, b, upper=False: torch.cholesky_solve(
            b, lower(torch, a).adjoint() if upper else lower(torch, a), upper
        ),
        (*_MATRIX_SYSTEMS[:3], call(x(3, 3), x(3, 2), True)),
    ),
    row(
        "cholesky_inverse",
        lambda torch, a, upper=False: torch.cholesky_inverse(
            lower(torch, a).adjoint() if upper else lower(torch, a), upper
        ),
        (call(x(3, 3)), call(x(2, 3, 3)), call(x(3, 3), True)),
    ),
    row("linalg.eigh", _eigh, (*SQUARE, call(x(3, 3), UPLO="U")), _NO_SQUARE[:2]),
    row("linalg.eigh.projector", _projector, (call(x(3, 3)), call(x(2, 4, 4)))),
    row(
        "lobpcg",
        _lobpcg,
        (
            call(x(9, 9), x(9, 3, grad=False), tol=1e-10, niter=9),
            call(x(9, 9), x(9, 3, grad=False), k=1, tol=1e-10, niter=9, largest=False),
            call(x(2, 9, 9), x(2, 9, 3, grad=False), tol=1e-10, niter=9),
        ),
        (call(x(2, 2), x(2, 1)), call(x(3, 9), x(9, 2)), call(x(9, 9), x(8, 2))),
    ),
    row("linalg.eigvalsh", lambda torch, a: torch.linalg.eigvalsh(symmetric(a)), SQUARE, _NO_SQUARE[:2]),
    row("linalg.eig", _eig, SQUARE[:5], _NO_SQUARE[:2]),
    row("linalg.eigvals", lambda torch, a: squares(torch.linalg.eigvals(a)).sum(-1), SQUARE, _NO_SQUARE[:2]),
    row(
        "linalg.slogdet.sign",
        lambda torch, a: torch.view_as_real(torch.linalg.slogdet(a)[0]),
        tuple([call(x(*s, dtype="complex64")) for s in ((3, 3), (2, 2, 2), (1, 1))]),
    ),
    row("linalg.svd", lambda torch, a: _svd(torch, a, False), OBLONG, _NO_MATRIX),
    row("linalg.svd.full", lambda torch, a: _svd(torch, a, True), OBLONG),
    row("linalg.svdvals", lambda torch, a: torch.linalg.svdvals(a), (*OBLONG, *EMPTY), _NO_MATRIX),
    row(
        "svd",
        lambda torch, a, **k: torch.svd(a, **k).S,
        (call(x(4, 3)), call(x(3, 4), some=False), call(x(3, 3, grad=False), compute_uv=False)),
    ),
    row(
        "linalg.qr",
        _qr,
        (*OBLONG, call(x(3, 5), mode="complete"), call(x(5, 3, grad=False), mode="complete")),
        (*_NO_MATRIX, call(x(3, 3), mode="foo")),
    ),
    row("linalg.qr.r", lambda torch, a: _qr(torch, a.detach(), mode="r"), OBLONG, derivative=False),
    row("linalg.lu_factor_ex", _lu_factor, (*OBLONG, *EMPTY, kink(*_SINGULAR[0].args)), _NO_MATRIX[:1]),
    plain("lu_factor", (), _SINGULAR),
    row("linalg.lu", lambda torch, a: tuple(torch.linalg.lu(a)), (*OBLONG, *EMPTY)),
    row("lu_unpack", _unpacked, OBLONG),
    row(
        "linalg.lu_solve",
        _solve_from_lu,
        (
            *[c for c in _MATRIX_SYSTEMS if not c.kwargs],
            *[call(x(3, 3), x(3, 3), left=e, adjoint=a) for e in (True, False) for a in (True, False)],
        ),
    ),
    row("linalg.ldl_factor_ex", _ldl, SQUARE, derivative=False),
    row("geqrf", lambda torch, a: tuple(torch.geqrf(a)), OBLONG, derivative=False),
    Row(
        "linalg.ldl_solve",
        tuple(
            [
                call(x(*s, 3, 3, dtype="float64", grad=False), x(*s, 3, 2, dtype="float64", grad=False))
                for s in ((), (2,), (2, 2))
            ]
        ),
        how=_ldl_solve,
        ulps=1000,
        whole=True,
    ),
    plain("pinv", (*OBLONG, *EMPTY, kink(x(3, 4), rtol=0.1), kink(x(3, 4), atol=0.5)), _NO_MATRIX),
    row(
        "linalg.pinv.hermitian",
        lambda torch, a: torch.linalg.pinv(symmetric(away(torch, a)), hermitian=True),
        SQUARE[:4],
    ),
    Row("pinverse", (call(x(3, 4)), kink(x(3, 4), 0.1)), **_EXACT),
    row(
        "linalg.lstsq",
        _lstsq,
        (
            call(x(5, 3), x(5, 2)),
            call(x(3, 5), x(3, 2)),
            call(x(5, 3), x(5)),
            call(x(2, 5, 3), x(2, 5, 1)),
            call(x(5, 3), x(5, 2), driver="gelsd"),
        ),
        (call(x(5, 3), x(4, 2)), call(x(5, 3), x(5, 2), driver="foo")),
    ),
    row("linalg.lstsq.residuals", _residuals, (call(x(5, 3), x(5, 2)), call(x(2, 5, 3), x(2, 5, 2)))),
    plain("matrix_exp", SQUARE, _NO_SQUARE[:3]),
    row(
        "matrix_power",
        lambda torch, a, n: torch.matrix_power(away(torch, a), n),
        (
            *[call(x(3, 3), n) for n in (1, 2, 3, 6, -1, -2)],
            call(x(2, 3, 3), 5),
            call(x(3, 3, grad=False), 0),
        ),
        (call(x(2, 3), 2),),
    ),
    plain("matrix_power", (call(x(3, 3, dtype="int64"), 3),), derivative=False),
    row(
        "linalg.householder_product",
        lambda torch, a, tau: torch.linalg.householder_product(a, tau),
        (
            call(x(5, 3), x(3)),
            call(x(5, 3), x(2)),
            call(x(2, 3, 2), x(2, 2)),
            call(x(0, 3, 2, grad=False), x(0, 2, grad=False)),
            call(x(3, 0, grad=False), x(0, grad=False)),
            call(x(3, 2, grad=False), x(0, grad=False)),
        ),
        (call(x(3, 5), x(3)), call(x(5, 3), x(4)), call(x(5, 3), x(3, dtype="float64"))),
    ),
    Row("orgqr", (call(x(5, 3), x(3)),), **_EXACT),
    Row(
        "ormqr",
        (
            call(x(5, 3), x(3), x(5, 2)),
            call(x(5, 3), x(3), x(2, 5), False),
            call(x(5, 3), x(3), x(5, 2), True, True),
            call(x(3, 5), x(3), x(3, 2)),
        ),
        (call(x(5, 3), x(2), x(5, 2)), call(x(5, 3), x(3), x(4, 2))),
        **_EXACT,
    ),
    plain("matrix_norm", tuple([call(x(3, 4), o) for o in _NORMS]), (call(x(3, 3), 3), call(x(3)))),
    row(
        "linalg.matrix_norm.dim",
        lambda torch, a, o, **k: torch.linalg.matrix_norm(a, o, **k),
        (
            *[call(x(2, 3, 4), o, dim=(0, 2), keepdim=True) for o in _NORMS],
            *[call(x(2, 3, 4), o, dim=(2, 1)) for o in _NORMS],
        ),
    ),
    plain(
        "norm",
        (
            call(x(3, 4)),
            call(x(3, 4), 2),
            call(x(3, 4), "nuc"),
            call(x(5), 3),
            call(x(2, 3, 4), 1, dim=1),
            call(x(2, 3, 4), "fro", dim=(0, 1)),
            call(x(2, 3, 4), dim=(0, 1), keepdim=True),
            call(x(2, 3, 4)),
            call(x(3, 4), dtype=None),
        ),
        (call(x(2, 2, 2), 2), call(x(3, 3), "foo"), call(x(3, 3, dtype="int64"))),
    ),
    plain(
        "vector_norm",
        (
            *[call(x(3, 4), o) for o in (2, 1, 0, 3, inf, -inf, 0.5)],
            call(x(3, 4), 2, 1),
            call(x(3, 4), 1, (0, 1), True),
            call(x(0)),
            call(x()),
        ),
        (call(x(3, dtype="int64")), call(x(0), inf)),
    ),
    Row("nuclear_norm", (call(x(3, 4)), call(x(2, 3, 4), (0, 2))), method=False, **_EXACT),
    plain(
        "cond", (*[call(x(3, 3), o) for o in (None, 2, -2)], call(x(4, 3)), call(x(2, 3, 3))), (call(x(3)),)
    ),
    row(
        "linalg.cond.values",  # torch's backward fails: it has written into the inverse
        lambda torch, a, p: torch.linalg.cond(a.detach(), p),
        (*[call(x(3, 3), p) for p in ("fro", "nuc", 1, -1, inf, -inf)], call(_SINGULAR[1].args[0], 1)),
        (call(x(2, 3), 1), call(x(3, 3), 7)),
        derivative=False,
    ),
    plain(
        "matrix_rank",
        (
            *OBLONG,
            *EMPTY,
            *_SINGULAR,
            call(x(4, 3), 0.5),
            call(x(4, 3), atol=1.5),
            call(x(4, 3), rtol=0.3),
            call(x(2, 4, 3, grad=False), atol=x(2, low=0, grad=False)),
            call(_SINGULAR[0].args[0], hermitian=True),
        ),
        derivative=False,
    ),
    plain("tensorinv", (call(x(6, 2, 3), ind=1), call(x(2, 3, 6))), (call(x(2, 3, 4)), call(x(2, 2), ind=0))),
    plain(
        "tensorsolve",
        (call(x(2, 3, 6), x(2, 3)), call(x(2, 6, 3), x(6), dims=(0, 2))),
        (call(x(2, 3, 4), x(2, 3)),),
    ),
    plain("diagonal", (call(x(3, 4)), call(x(2, 3, 4), offset=1), call(x(2, 3, 4), dim1=0, dim2=1))),
)

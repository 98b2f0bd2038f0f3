"""LAPACK as NumPy brings it: for whole batches, without the 4 us of checks in NumPy's own functions.

`numpy.linalg._umath_linalg` holds the loops behind np.linalg. It is private, so whatever is not found there
is taken from np.linalg. A loop whose LAPACK routine fails fills its entry with nan and sets the flag of an
invalid operation, and nothing else sets it; so a nan at one place says that something may have failed, and
running the entry again with that flag as an error says what.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from tapegrad._errors import LinAlgError, sizes
from tapegrad.dtypes import C16, F8
from tapegrad.kernels import factor
from tapegrad.kernels.errstate import nameless

_LOOPS: Any = import_module("numpy.linalg._umath_linalg")


def _loop(name: str, public: Any) -> Any:
    return getattr(_LOOPS, name, None) or public


_inv = _loop("inv", np.linalg.inv)
_solve = _loop("solve", np.linalg.solve)
_cholesky = _loop("cholesky_lo", np.linalg.cholesky)
_eigh = {
    True: _loop("eigh_lo", lambda a: np.linalg.eigh(a, "L")),
    False: _loop("eigh_up", lambda a: np.linalg.eigh(a, "U")),
}
_eigvalsh = {
    True: _loop("eigvalsh_lo", lambda a: np.linalg.eigvalsh(a, "L")),
    False: _loop("eigvalsh_up", lambda a: np.linalg.eigvalsh(a, "U")),
}
_svd = {
    True: _loop("svd_f", lambda a: np.linalg.svd(a)),
    False: _loop("svd_s", lambda a: np.linalg.svd(a, full_matrices=False)),
}
_svdvals = _loop("svd", lambda a: np.linalg.svd(a, compute_uv=False))
_det = _loop("det", np.linalg.det)
_slogdet = _loop("slogdet", np.linalg.slogdet)
_eig = _loop("eig", np.linalg.eig)
_eigvals = _loop("eigvals", np.linalg.eigvals)


def _suspect(y: Any, core: int, at: int = 0) -> bool:
    """Whether the first number of some entry (with at=-1: the last) is nan; an entry has so many axes."""
    if not y.size:
        return False
    if y.ndim == core:
        one = y.item(at)
        return bool(one != one)
    return bool(np.isnan(y[(..., *(at,) * core)]).any())


def failures(loop: Any, *xs: Any) -> list[tuple[int, ...]]:
    """The indices of the entries for which the LAPACK routine reports a failure. The xs are matrices."""
    batch = np.broadcast_shapes(*[x.shape[:-2] for x in xs])
    wide = [np.broadcast_to(x, batch + x.shape[-2:]) for x in xs]
    found = []
    with np.errstate(all="ignore", invalid="raise"):
        for at in np.ndindex(batch):
            try:
                loop(*[x[at] for x in wide])
            except (FloatingPointError, np.linalg.LinAlgError):
                found.append(at)
    return found


def entry(name: str, at: tuple[int, ...]) -> str:
    """An entry of a batch as messages write it."""
    return f"{name}[{', '.join(map(str, at))}]" if at else name


def _refuse_singular(op: str, loop: Any, *xs: Any) -> None:
    """Raises: LinAlgError if an entry of xs[0] is singular."""
    for at in failures(loop, *xs)[:1]:
        raise LinAlgError(
            f"{op}: {entry('A', at)} is a singular {sizes(xs[0].shape[-2:])} matrix; an invertible one is "
            "needed. Use linalg.lstsq or linalg.pinv."
        )


def inv(a: Any, op: str = "linalg.inv") -> Any:
    """The inverse. Raises: LinAlgError for a singular matrix."""
    y = _inv(a)
    if _suspect(y, 2):
        _refuse_singular(op, _inv, a)
    return y


def solve(a: Any, b: Any, op: str = "linalg.solve") -> Any:
    """x with a x = b, for matrices. Raises: LinAlgError for a singular a."""
    y = _solve(a, b)
    if _suspect(y, 2):
        _refuse_singular(op, _solve, a, b)
    return y


def inv_ex(a: Any) -> tuple[Any, Any]:
    """The inverse, nan where there is none, and per entry the first pivot that is 0, or 0."""
    return _inv(a), singular(_inv, a)


def solve_ex(a: Any, b: Any) -> tuple[Any, Any]:
    """x with a x = b, nan where a is singular, and per entry the first pivot that is 0, or 0."""
    return _solve(a, b), singular(_solve, a, b)


def singular(loop: Any, *xs: Any) -> Any:
    """Per entry the number of the first pivot that is 0, or 0."""
    info = np.zeros(np.broadcast_shapes(*[x.shape[:-2] for x in xs]), np.int32)
    if _suspect(loop(*xs), 2):
        for at in failures(loop, *xs):
            a = np.broadcast_to(xs[0], info.shape + xs[0].shape[-2:])[at]
            info[at] = int(factor.first_zero(factor.lu(a)[0]))
    return info


def cholesky(a: Any, op: str = "linalg.cholesky") -> Any:
    """The lower Cholesky factor; only the lower triangle of a is read. Raises: LinAlgError if a is not
    positive definite."""
    y = _cholesky(a)
    if _suspect(y, 2, -1):
        at = tuple(np.argwhere(np.isnan(y[..., -1, -1]))[0].tolist())
        minor = minor_of(a[at])
        raise LinAlgError(
            f"{op}: {entry('A', at)}'s leading {minor} x {minor} block is not positive definite; a "
            "symmetric positive definite matrix is needed. Add a multiple of the identity, or use "
            "linalg.ldl_factor."
        )
    return y


def cholesky_ex(a: Any) -> tuple[Any, Any]:
    """The lower Cholesky factor, and for each entry the order of the first leading block that is not positive
    definite; 0 if all are."""
    y = _cholesky(a)
    info = np.zeros(a.shape[:-2], np.int32)
    if _suspect(y, 2, -1):
        for at in np.argwhere(np.isnan(y[..., -1, -1])):
            info[tuple(at)] = minor_of(a[tuple(at)])
    return y, info


def minor_of(a: Any) -> int:
    """The order of the first leading block of one matrix that is not positive definite."""
    for n in range(1, a.shape[0] + 1):
        y = _cholesky(a[:n, :n])
        if y[-1, -1] != y[-1, -1]:
            return n
    return int(a.shape[0])


def _refuse_values(op: str, loop: Any, a: Any) -> None:
    """Raises: LinAlgError after an iteration that gave no values, unless the cause is an inf."""
    for bad in np.argwhere(np.isnan(a).any((-2, -1))):
        name = entry("A", tuple(bad.tolist()))
        raise LinAlgError(f"{op}: {name} has nan in it; numbers are needed. Look where it came from.")
    for at in failures(loop, a):
        if np.isfinite(a[at]).all():
            raise LinAlgError(f"{op}: the iteration for {entry('A', at)} did not converge; scale it first.")


def eigh(a: Any, lower: bool = True) -> tuple[Any, Any]:
    """Eigenvalues, ascending, and eigenvectors of a Hermitian matrix of which one triangle is read.

    What is not finite gives nan.
    """
    return _eigh[lower](a)  # type: ignore[no-any-return] # two arrays


def eigvalsh(a: Any, lower: bool = True) -> Any:
    """Eigenvalues alone."""
    return _eigvalsh[lower](a)


def svd(a: Any, full: bool = False) -> tuple[Any, Any, Any]:
    """U, S, Vh with a = U S Vh, S descending. Raises: LinAlgError for nan."""
    u, s, vh = _svd[full](a)
    if _suspect(s, 1):
        _refuse_values("linalg.svd", _svd[full], a)
    return u, s, vh


def svdvals(a: Any) -> Any:
    """Singular values alone. Raises: LinAlgError for nan."""
    s = _svdvals(a)
    if _suspect(s, 1):
        _refuse_values("linalg.svdvals", _svdvals, a)
    return s


def _complex(x: Any, like: Any) -> Any:
    """In the complex dtype of an input's precision."""
    return x.astype(np.complex64 if like.dtype.char in "fF" else np.complex128, copy=False)


def _need_finite(op: str, a: Any) -> None:
    """Raises: RuntimeError for nan and inf, on which LAPACK's routine writes to the terminal."""
    if not np.isfinite(a).all():
        raise RuntimeError(f"{op}: A has nan or inf in it; finite numbers are needed.")


def eig(a: Any) -> tuple[Any, Any]:
    """Eigenvalues and eigenvectors, complex. Raises: RuntimeError for nan and inf."""
    _need_finite("linalg.eig", a)
    values, vectors = _eig(a)
    if _suspect(values, 1):
        _refuse_values("linalg.eig", _eig, a)
    return _complex(values, a), _complex(vectors, a)


def eigvals(a: Any) -> Any:
    """Eigenvalues alone, complex. Raises: RuntimeError for nan and inf."""
    _need_finite("linalg.eigvals", a)
    return _complex(_eigvals(a), a)


def det(a: Any) -> Any:
    """The determinant."""
    return _det(a)


def slogdet(a: Any) -> tuple[Any, Any]:
    """The determinant's sign and the logarithm of its magnitude."""
    return _slogdet(a)  # type: ignore[no-any-return] # two arrays


def _wide(a: Any) -> Any:
    """The dtype of a's kind that NumPy's QR works in."""
    return C16 if a.dtype.kind == "c" else F8


def geqrf(a: Any) -> tuple[Any, Any]:
    """R above Householder vectors, and their factors: the raw form of a QR decomposition."""
    wide = a.astype(_wide(a))  # a copy, in Fortran's order inside
    if not a.size:
        return a.copy(), np.zeros((*a.shape[:-2], min(a.shape[-2:])), a.dtype)
    raw = _LOOPS.qr_r_raw
    tau = raw(wide)
    return wide.astype(a.dtype, copy=False), tau.astype(a.dtype, copy=False)


def householder(a: Any, tau: Any, complete: bool = False) -> Any:
    """The product of Householder reflections 1 - tau v v^H: its first columns, as many as a has; all of them
    if `complete`."""
    m, n = a.shape[-2:]
    wide = _wide(a)
    short = n - tau.shape[-1]
    if short:
        tau = np.concatenate([tau, np.zeros((*tau.shape[:-1], short), tau.dtype)], -1)
    if not m or not n:
        eye = np.eye(m, m if complete else n, dtype=a.dtype)
        return np.broadcast_to(eye, a.shape[:-2] + eye.shape).copy()
    loop = _LOOPS.qr_complete if complete else _LOOPS.qr_reduced
    return loop(a.astype(wide, copy=False), tau.astype(wide, copy=False)).astype(a.dtype, copy=False)


def qr(a: Any, mode: str = "reduced") -> tuple[Any, Any]:
    """Q and R with a = Q R. mode: "reduced", "complete", or "r" (Q is empty)."""
    m, n = a.shape[-2:]
    if mode == "reduced" and m >= n and a.size:  # one after the other, with nothing rounded in between
        wide = a.astype(_wide(a))
        tau = _LOOPS.qr_r_raw(wide)
        r = factor.triangle(wide[..., :n, :], True)
        return _LOOPS.qr_reduced(wide, tau).astype(a.dtype, copy=False), r.astype(a.dtype, copy=False)
    raw, tau = geqrf(a)
    k = m if mode == "complete" else min(m, n)
    r = factor.triangle(raw[..., :k, :], True)
    if mode == "r":
        return np.empty((*a.shape[:-1], 0), a.dtype), r
    if (mode == "complete" and m > n) or n > m:
        return householder(raw[..., : min(m, n)], tau, complete=True), r
    return householder(raw, tau), r


def pinv(a: Any, atol: Any, rtol: Any, hermitian: bool) -> Any:
    """The pseudo-inverse: singular values up to the larger of atol and rtol times the largest one count as
    0."""
    if not a.size:
        return np.zeros((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)
    if hermitian:
        values, u = eigh(a)
        s, vh = np.abs(values), np.swapaxes(u, -1, -2).conj()
    else:
        u, values, vh = svd(a)
        s = values
    least = np.maximum(atol, rtol * s.max(-1))[..., None]
    inverse = np.where(s > least, 1 / values, values.dtype.type(0))
    return np.matmul(np.swapaxes(vh, -1, -2).conj() * inverse[..., None, :], np.swapaxes(u, -1, -2).conj())


_lstsq = _loop("lstsq", None)


def lstsq(a: Any, b: Any, rcond: float) -> Any:
    """The x of least norm among those with the least |a x - b|."""
    (m, n), k = a.shape[-2:], b.shape[-1]
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if not (m and n and k):
        return np.zeros((*lead, n, k), a.dtype)
    a, b = (np.broadcast_to(x, lead + x.shape[-2:]) for x in (a, b))
    if _lstsq is None:
        return np.matmul(pinv(a, 0, rcond, False), b)
    return _lstsq(a, b, a.real.dtype.type(rcond))[0]


nameless(globals())

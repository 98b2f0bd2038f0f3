"""A few eigenpairs of large symmetric matrices."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

import tapegrad.kernels.factor as K
from tapegrad._errors import sizes
from tapegrad.define import offer
from tapegrad.dtypes import F4, F8, NARROW
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.lobpcg import Plan, Search
from tapegrad.kernels.lobpcg import lobpcg as search
from tapegrad.naming import argument
from tapegrad.ops.decompose import gaps
from tapegrad.ops.factored import column, diagonal_matrix, dtype_of, factored, row
from tapegrad.ops.products import same_dtype
from tapegrad.ops.random import randn
from tapegrad.ops.shape import mT, stack
from tapegrad.tensor import Tensor, wrap


def _rule(F: Any, gs: Any, factors: Any, a: Any, _plan: Plan, _x: Any, b: Any, *_: Any) -> Any:
    """An eigenvector u moves by -(a - value)^+ da u: within the others that were found by the gaps between
    their eigenvalues, and across all of them by solving a system for each."""
    if b is not None:
        raise ValueError("lobpcg backward: there is no gradient with B; use linalg.eigh on L^-1 A L^-T.")
    (gl, gu), (values, u) = gs, factors
    ut = F.mT(u)
    if gu is None:
        return F.matmul(u * row(F, gl), ut)
    k, m, kind = values.shape[-1], u.shape[-2], dtype_of(u)
    within = F.matmul(ut, gu)
    inner = within / gaps(F, values) * K.off_diagonal(k, kind)
    if gl is not None:
        inner = inner + diagonal_matrix(F, gl)
    across = gu - F.matmul(u, within)
    # a - value where it maps what is across u, and 1 on the span of u
    onto = F.matmul(u, ut)
    fixed = a - F.matmul(u * row(F, values), ut) + onto
    each = F.getitem(values, (Ellipsis, None, None))
    systems = _for_each(F, fixed) + each * _for_each(F, onto - K.eye(m, kind))
    z = F.linalg_solve(systems, column(F, F.mT(across)))
    z = F.mT(F.reshape(z, (*values.shape, m)))
    return F.matmul(F.matmul(u, inner) - z, ut)


def _for_each(F: Any, x: Any) -> Any:
    """Matrices with a dimension in front of each for the eigenvalues."""
    return F.getitem(x, (Ellipsis, None, slice(None), slice(None)))


_lobpcg = factored(
    "lobpcg",
    search,
    lambda m, n, plan, *_: ((plan.k,), (m, plan.k)),
    _rule,
    title="LOBPCGAutogradFunctionBackward",
    kinds="==",
    values=True,
)


def _tracked(tracker: Callable[[Any], None], A: Tensor, B: Tensor | None, iK: Tensor | None) -> Any:
    """What calls the tracker with the state of a search as torch's names have it."""

    def seen(found: Search) -> None:
        state = SimpleNamespace(A=A, B=B, iK=iK, bvars={"force_stop": False}, fvars={})
        for name in "EXRS":
            setattr(state, name, wrap(getattr(found, name)))
        state.ivars = {
            "istep": found.step,
            "iterations_left": found.left,
            "converged_count": found.converged,
            "converged_end": found.S.shape[1],
        }
        state.tvars = {"rerr": wrap(found.errors)}
        tracker(state)
        found.stopped = bool(state.bvars["force_stop"])

    return seen


def _start(A: Tensor, n: int, X: Tensor | None) -> Any:
    """The first approximations [..., m, n]."""
    *lead, m, _ = A._a.shape
    if X is not None:
        wanted = (*lead, m, n)
        if X._a.shape != wanted:
            raise AssertionError(
                f"lobpcg: {argument('X', X)} is {sizes(X._a.shape)}; {sizes(wanted)} is needed."
            )
        return np.asarray(X._a)
    if not lead:
        return randn(m, n, dtype=A.dtype)._a
    drawn = [randn(m, n, dtype=A.dtype) for _ in np.ndindex(*lead)]
    return np.reshape(stack(drawn)._a, (*lead, m, n)) if drawn else np.empty((*lead, m, n), A._kind)


def _checked(A: Any, **others: Tensor | None) -> Tensor:
    """A. Raises: AssertionError, RuntimeError or NotImplementedError for shapes or dtypes that do not fit."""
    tensors = {name: t for name, t in others.items() if t is not None}
    x, *_ = same_dtype("lobpcg", A=A, **tensors)
    shape = x._a.shape
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise (IndexError if len(shape) < 2 else AssertionError)(
            f"lobpcg: {argument('A', x)} is {sizes(shape)}; square matrices are needed."
        )
    if "B" in tensors and tensors["B"]._a.shape != shape:
        raise AssertionError(
            f"lobpcg: {argument('A', x)} is {sizes(shape)} and {argument('B', tensors['B'])} "
            f"{sizes(tensors['B']._a.shape)}; they must be equal."
        )
    if x._kind is not F4 and x._kind is not F8:
        raise (NotImplementedError if x._kind.char in NARROW else RuntimeError)(
            f"lobpcg: {argument('A', x)} is {x.dtype}; float32 or float64 is needed."
        )
    return x


def _plan(
    kind: Any,
    k: int,
    niter: int | None,
    tol: float | None,
    largest: bool | None,
    method: str | None,
    given: Any,
) -> Plan:
    tol = {F4: 1.2e-07, F8: 2.23e-16}[kind] ** 0.5 if tol is None else tol
    return Plan(
        k=k,
        niter=1000 if niter is None else niter,
        tol=tol,
        largest=largest is None or largest,
        ortho=method is None or method == "ortho",
        rounds=given.get("ortho_i_max", 3),
        tries=given.get("ortho_j_max", 3),
        near=given.get("ortho_tol", tol),
        drop=given.get("ortho_use_drop", False),
        short=given.get("ortho_tol_drop", tol),
        replace=given.get("ortho_tol_replace", tol),
    )


def lobpcg(
    A: Tensor,
    k: int | None = None,
    B: Tensor | None = None,
    X: Tensor | None = None,
    n: int | None = None,
    iK: Tensor | None = None,
    niter: int | None = None,
    tol: float | None = None,
    largest: bool | None = None,
    method: str | None = None,
    tracker: Any = None,
    ortho_iparams: dict[str, Any] | None = None,
    ortho_fparams: dict[str, Any] | None = None,
    ortho_bparams: dict[str, Any] | None = None,
) -> tuple[Tensor, Tensor]:
    """The k largest (or smallest) eigenvalues of symmetric positive definite matrices, of A x = e B x with B,
    and their eigenvectors, by the LOBPCG method: (E, X).

    X: first approximations, by default n (k) random ones. iK: an approximate inverse of A, which method
    "basic" uses. niter: the most steps, 1000 by default; -1: until tol is reached. method: "ortho" is robust,
    "basic" may fail. tracker: called after each step with an object of its state; setting its
    bvars["force_stop"] ends the search. ortho_*: see `kernels.lobpcg.Plan`.
    Shapes: A, B [..., m, m], X [..., m, n], iK [m, m]; E [..., k], X [..., m, k]. m must be 3 n at least.
    Raises: AssertionError for shapes that do not fit, ValueError for a small m; in the backward with B.
    Source: Knyazev (2001); Stathopoulos and Wu (2002).
    """
    x = _checked(A, B=B, X=X, iK=iK)
    k = (1 if X is None else X._a.shape[-1]) if k is None else k
    n = (k if n is None else n) if X is None else X._a.shape[-1]
    if (m := x._a.shape[-1]) < 3 * n:
        raise ValueError(
            f"lobpcg: A has {m} rows and {n} eigenpairs are sought; three times as many rows are "
            "needed. Use linalg.eigh."
        )
    given = {**(ortho_iparams or {}), **(ortho_fparams or {}), **(ortho_bparams or {})}
    plan = _plan(x._kind, k, niter, tol, largest, method, given)
    start = _start(x, n, X)
    seen = None if tracker is None else _tracked(tracker, A, B, iK)
    if x.requires_grad or (B is not None and B.requires_grad):
        x = (x + mT(x)) / 2  # so is the gradient
    if B is not None and B.requires_grad:
        x = x + (B - B.detach())  # the backward shall refuse it, not lose it
    b, inverse = (None if t is None else np.asarray(t._a) for t in (B, iK))
    return _lobpcg(x, plan, start, b, inverse, seen)  # type: ignore[return-value] # two results


offer(globals(), functions="lobpcg")
nameless(globals())

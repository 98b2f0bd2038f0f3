"""Some eigenpairs of large symmetric matrices: locally optimal block preconditioned conjugate gradients.

The eigenvectors are sought in the span of the approximations X, their residuals W, and the directions P in
which they last moved.
Source: A. Knyazev, "Toward the optimal preconditioned eigensolver" (2001); J. Duersch et al., "A robust and
efficient implementation of LOBPCG" (2018), which torch.lobpcg follows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.factor import solve_triangular
from tapegrad.kernels.lapack import cholesky


@dataclass(frozen=True)
class Plan:
    """How to search.

    k: how many pairs must converge. niter: the most steps; negative for any number. tol: the relative error
    of a converged pair. ortho: orthogonal bases, which are robust, or Cholesky factors ("basic"). rounds,
    tries: how often a basis is made orthogonal to the others, and in itself. near: the error of an orthogonal
    basis. drop: whether directions of less than `replace` are left out, from the second try on; else they are
    made that long (`short` in the first try).
    """

    k: int
    niter: int
    tol: float
    largest: bool
    ortho: bool
    rounds: int
    tries: int
    near: float
    drop: bool
    short: float
    replace: float


class Search:
    """The search for the pairs of one matrix a, or of a x = b x e; `inverse` approximates a's."""

    def __init__(self, plan: Plan, a: Any, x: Any, b: Any, inverse: Any) -> None:
        self.plan, self.a, self.b, self.inverse = plan, a, b, inverse
        self.X, n = x, x.shape[1]
        self.E, self.R, self.S = np.zeros(n, x.dtype), np.zeros_like(x), x
        self.errors = np.full(n, np.inf, x.dtype)
        self.step = self.converged = 0
        self.left = plan.niter
        size = np.linalg.norm(x)
        self.norms = (np.linalg.norm(a @ x) / size, np.linalg.norm(self._b(x)) / size)
        self.stopped = False

    def run(self, seen: Callable[[Search], None] | None) -> tuple[Any, Any]:
        """The k best pairs, when they have converged, or the steps are used up. seen: called after each
        step."""
        while True:
            self._move()
            self.left -= 1
            self.step += 1
            if seen is not None:
                seen(self)
            if self.stopped or self.left == 0 or self.converged >= self.plan.k:
                return self.E[: self.plan.k], self.X[:, : self.plan.k]

    def _b(self, x: Any) -> Any:
        return x if self.b is None else self.b @ x

    def _move(self) -> None:
        """One step: the best pairs in the span of S, and the next S."""
        n, done = self.X.shape[1], self.converged
        s = self.S[:, done:]
        free = n - done
        if self.plan.ortho and self.step:
            values, z = self._pairs(s.T @ (self.a @ s))
            turn = np.linalg.qr(z[:free, free:].T)[0]
            p = s @ (z[:, free:] @ turn)
        else:
            to_standard = self._standard(s)
            values, z = self._pairs(to_standard.T @ (s.T @ (self.a @ s)) @ to_standard)
            z = to_standard @ z
            p = s @ z[:, n : n + free]
        self.X = np.concatenate([self.X[:, :done], s @ z[:, :free]], 1)
        self.E = np.concatenate([self.E[:done], values[:free]])
        self.R = self.a @ self.X
        if (
            self.step or not self.plan.ortho
        ):  # torch's "ortho" begins with A X, which spans as much where b is 1
            self.R -= self._b(self.X) * self.E
        self._count()
        if self.converged >= n:
            return
        known = np.concatenate([self.X, p], 1) if self.step else self.X
        rest = self.R[:, self.converged :]
        if self.plan.ortho:
            w = self._across(rest, known)
        else:
            w = rest if self.inverse is None else self.inverse @ rest
        self.S = np.concatenate([known, w], 1)

    def _count(self) -> None:
        """How many of the first pairs have converged: those behind one that has not do not count."""
        of_a, of_b = self.norms
        scale = np.linalg.norm(self.X, axis=0) * (of_a + np.abs(self.E) * of_b)
        self.errors = np.linalg.norm(self.R, axis=0) / scale
        open_ = np.flatnonzero(~(self.errors < self.plan.tol))
        self.converged = max(self.converged, int(open_[0]) if open_.size else len(self.errors))

    def _pairs(self, m: Any) -> tuple[Any, Any]:
        values, z = np.linalg.eigh(m, "U")
        return (values[::-1], z[:, ::-1]) if self.plan.largest else (values, z)

    def _standard(self, s: Any) -> Any:
        """The t with t^T (s^T b s) t = 1."""
        sbs = s.T @ self._b(s)
        d = np.diagonal(sbs) ** -0.5
        lower = cholesky(sbs * d * d[:, None], "lobpcg")
        return solve_triangular(lower, np.diag(d), False, False).T

    def _across(self, u: Any, v: Any) -> Any:
        """u as an orthonormal basis that is orthogonal to v."""
        plan, size = self.plan, np.linalg.norm(self._b(v))
        vbu = v.T @ self._b(u)
        for _ in range(plan.rounds):
            u = u - v @ vbu
            u = self._orthonormal(u)
            if not u.size:
                return u
            vbu = v.T @ self._b(u)
            if np.linalg.norm(vbu) < plan.near * size * np.linalg.norm(u):
                break
        return u

    def _orthonormal(self, u: Any) -> Any:
        plan = self.plan
        for i in range(plan.tries):
            u = self._scaled(u, plan.drop and i > 0, plan.short if plan.drop and not i else plan.replace)
            if not u.size:
                return u
            bu = self._b(u)
            error = np.linalg.norm(u.T @ bu - np.eye(u.shape[1], dtype=u.dtype))
            if error < plan.near * np.linalg.norm(bu) * np.linalg.norm(u):
                break
        return u

    def _scaled(self, u: Any, drop: bool, tau: float) -> Any:
        """u over the root of u^T b u; directions without length are left out, short ones dropped, or made
        longer."""
        ubu = u.T @ self._b(u)
        d = np.diagonal(ubu)
        if not d.all():
            u, ubu = u[:, d != 0], ubu[np.ix_(d != 0, d != 0)]
            d = np.diagonal(ubu)
        if not u.size:
            return u
        d = d**-0.5
        values, z = np.linalg.eigh(ubu * d * d[:, None], "U")
        least = tau * np.abs(values).max()
        if drop:
            z, values = z[:, values > least], values[values > least]
        return (u * d) @ (z / np.sqrt(np.maximum(values, least)))


def lobpcg(
    a: Any, plan: Plan, x: Any, b: Any, inverse: Any, seen: Callable[[Search], None] | None
) -> tuple[Any, Any]:
    """plan.k eigenvalues [..., k] and vectors [..., m, k] of matrices a [..., m, m], from x [..., m, n]."""
    lead, m = a.shape[:-2], a.shape[-1]
    values, vectors = np.empty((*lead, plan.k), a.dtype), np.empty((*lead, m, plan.k), a.dtype)
    x = np.broadcast_to(x, (*lead, *x.shape[-2:]))
    b = None if b is None else np.broadcast_to(b, a.shape)
    for i in np.ndindex(lead):
        search = Search(plan, a[i], x[i], None if b is None else b[i], inverse)
        values[i], vectors[i] = search.run(seen)
    return values, vectors


nameless(globals())

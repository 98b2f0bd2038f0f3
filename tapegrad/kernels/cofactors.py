"""First and second derivatives of determinants, which singular matrices have as well."""

from __future__ import annotations

from typing import Any

import numpy as np

import tapegrad.kernels.lapack as LA
from tapegrad.kernels.errstate import nameless


def _transposed(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def _without(s: Any, *which: int) -> Any:
    """The products of singular values [..., n] but for some."""
    return np.delete(s, which, -1).prod(-1)


def _turned(a: Any) -> tuple[Any, Any, Any, Any]:
    """u, s, vh of a = u s vh, and the determinant of u vh as [..., 1, 1]."""
    u, s, vh = LA.svd(a)
    return u, s, vh, (LA.det(u) * LA.det(vh))[..., None, None]


def cofactor(a: Any) -> Any:
    """det(a) a^-T, which exists for singular matrices as well: there by way of singular values."""
    if not a.size:
        return a.copy()
    c = LA.det(a)[..., None, None] * _transposed(LA.inv_ex(a)[0])
    bad = ~np.isfinite(c).all((-2, -1)) & np.isfinite(a).all((-2, -1))
    if bad.any():
        u, s, vh, sign = _turned(a[bad])
        others = np.stack([_without(s, i) for i in range(s.shape[-1])], -1)
        c[bad] = sign * np.matmul(u * others[..., None, :], vh).conj()
    return c


def cofactor_moved(a: Any, h: Any) -> Any:
    """The derivative of cofactor(a) in direction h. Matrices that are nearly singular go by way of singular
    values too, since their inverse has no exact digits."""
    if not a.size:
        return h.copy()
    inverse, info = LA.inv_ex(a)
    tr = _transposed(inverse)
    along = (h * tr).sum((-2, -1))[..., None, None]
    y = LA.det(a)[..., None, None] * (tr * along - tr @ _transposed(h) @ tr)
    condition = np.abs(a).max((-2, -1)) * np.abs(inverse).max((-2, -1))
    bad = (~(condition < np.finfo(a.dtype).eps ** -0.5) | (info > 0)) & np.isfinite(a).all((-2, -1))
    if bad.any():
        bad = np.broadcast_to(bad, y.shape[:-2])
        y[bad] = _moved_by_values(np.broadcast_to(a, y.shape)[bad], np.broadcast_to(h, y.shape)[bad])
    return y


def _moved_by_values(a: Any, h: Any) -> Any:
    u, s, vh, sign = _turned(a)
    n = s.shape[-1]
    pairs = [[_without(s, i, j) if i != j else np.zeros_like(s[..., 0]) for j in range(n)] for i in range(n)]
    others = np.moveaxis(np.array(pairs, s.dtype), (0, 1), (-2, -1))
    turned = _transposed(u).conj() @ h @ _transposed(vh).conj()
    moved = -others * _transposed(turned)
    at = np.arange(n)
    moved[..., at, at] = np.matmul(others, turned[..., at, at][..., None])[..., 0]
    return sign * (u.conj() @ moved @ vh.conj())


nameless(globals())

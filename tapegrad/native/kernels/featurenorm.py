"""batch_norm of a matrix [entries, features]: what is normalised together is a column. `channelnorm` hands it
on to here.

Rows lie in memory as they are needed: sums go down all columns at once (`native.fold`), and what is one
number per feature is a row that is the same for all entries (`native.pointwise`).
"""

from __future__ import annotations

from typing import Any

from tapegrad.kernels.errstate import nameless
from tapegrad.native.fold import fold
from tapegrad.native.ir import Type
from tapegrad.native.pointwise import Pointwise

_affine = Pointwise("feature_norm", "(x - m) * s + b", "xmsb")
_along = Pointwise("feature_norm_along", "g * (x - m)", "gxm")
_back = Pointwise("feature_norm_back", "g * s - (x - m) * a - c", "gsxmac")


def moments(t: Type, x: Any) -> tuple[Any, Any]:
    """Mean and variance of each column, as rows [1, features]."""
    n = x.shape[0]
    mean = fold("exact", t, x, (0,), wide=True) / n
    var = fold("spread", t, x, (0,), wide=True, center=mean) / n
    return mean.astype(x.dtype).reshape(1, -1), var.astype(x.dtype).reshape(1, -1)


def affine(x: Any, w: Any, b: Any, known: Any) -> Any:
    """The normalised x times w plus b."""
    mean, rstd = known
    return _affine(x, mean, rstd * w, b)


def affine_vjp(t: Type, need: Any, g: Any, x: Any, w: Any, known: Any) -> tuple[Any, Any, Any]:
    """The cotangents of x, w and b."""
    mean, rstd = known
    level = fold("sum", t, g, (0,))
    slope = fold("sum", t, _along(g, x, mean), (0,)) * rstd.reshape(-1)
    gx = None
    if need[0] is not None:
        n, scale = x.dtype.type(x.shape[0]), w * rstd
        gx = _back(g, scale, x, mean, rstd * scale * (slope / n), scale * (level / n))
    return gx, None if need[1] is None else slope, None if need[2] is None else level


nameless(globals())

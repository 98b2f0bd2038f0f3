"""Distances, norms that are left over, and what is scaled by them."""

from __future__ import annotations

from typing import Any

import numpy as np

import tapegrad.define.batching as B
import tapegrad.kernels.distance as D
import tapegrad.kernels.reduce as R
import tapegrad.ops.views as views
from tapegrad._errors import sizes
from tapegrad.define import OUT, Function, cast, composite, finish, inplace, linear, offer, reduction
from tapegrad.dtypes import B1, F4, F8, FLOATING, INEXACT, NARROW
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.index import fetch
from tapegrad.ops.moves import clone, contiguous
from tapegrad.ops.pointwise import sub
from tapegrad.ops.reduce import in_dtype, need_elements, norm, norm_rule, sum
from tapegrad.ops.shape import Dims, dims_of, expand, transpose, view
from tapegrad.promotion import broadcast, need_tensor, real_only, result_dtype
from tapegrad.tensor import Tensor, axis


def _norm_named(key: str, title: str) -> Function:
    return reduction(key, R.norm, d=norm_rule, saves=(0, OUT), title=title)


_norm_all, _norm_dim = _norm_named("norm.all", "NormBackward0"), _norm_named("norm.dim", "NormBackward1")
_dist = _norm_named("dist", "DistBackward0")


def _of_pdist(F: Any, g: Any, x: Any, y: Any, shape: Any, dim: Any, p: float) -> Any:
    """Of a distance: that of the norm; but p = 1 passes nan on, and of p = inf each of several largest
    elements gets all, as in torch."""
    if not p:
        return F.zeros_like(x)
    if p == np.inf:
        below = abs(x) - y
        return g * F.where(below == 0, F.sign(x), F.where(below == below, 0, below))
    d = norm_rule(F, g, x, y, shape, dim, p)
    return d + F.where(x == x, 0, x) if p == 1 else d


_pdist = reduction("pdist", R.norm, d=_of_pdist, saves=(0, OUT))
_trace = linear(
    "trace",
    R.trace,
    lambda F, g, shape: F.apply(views.on_diagonal.op, F.expand(g, (min(shape),)), 0, 0, 1, shape),
    batch=B.leading(2),
    widens=True,
)


def _cdist_named(key: str, title: str, product: bool) -> Any:
    """cdist by differences or by a matrix product, which torch makes of other nodes."""

    def body(F: Any, a: Any, b: Any, p: float) -> Any:
        d = F.unsqueeze(a, -2) - F.unsqueeze(b, -3)
        return F.apply(_pdist.op, d, (len(d.shape) - 1,), False, p)

    fused = (
        lambda a, b, p: D.cdist(a, b, p, product),
        lambda need, g, a, b, p: D.cdist_vjp(need, g, a, b, p, product),
    )
    return composite(key, 2, fused, title=title)(body)


_cdist = _cdist_named("cdist", "CdistBackward0", False)
_cdist_by_product = _cdist_named("cdist.product", "ViewBackward0", True)


@composite("renorm", 1, (D.renorm, D.renorm_vjp))
def _renorm(F: Any, x: Any, p: float, dim: tuple[int, ...], most: float) -> Any:
    long = F.norm(x, p, dim, True) > most
    scale = most / (F.norm(F.where(long, x, 1), p, dim, True) + 1e-7)  # of what is not scaled nothing is seen
    return x * F.where(long, scale, 1)


def _floats(x: Tensor, op: str) -> Tensor:
    if x._kind.kind not in INEXACT:
        raise RuntimeError(f"{op}: input is {x.dtype}; a floating point tensor is needed. Use .float().")
    return x


def _wide(x: Tensor, op: str) -> Tensor:
    """x. Raises: NotImplementedError for a narrow float, as torch."""
    if x._kind.char in NARROW:
        raise NotImplementedError(f"{op}: {x.dtype} is given; float32 or float64 is needed. Use .float().")
    return x


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of the difference of two tensors that broadcast.

    Raises: RuntimeError for integers and shapes that do not broadcast.
    """
    if type(input) is not Tensor or type(other) is not Tensor:
        need_tensor(input, "dist"), need_tensor(other, "dist", "other")
    if not isinstance(p, (int, float)):
        raise TypeError(f"dist: p is {p!r}; a number is needed.")
    d = _floats(input - other, "dist")
    need_elements("dist", d, None, p)
    return _dist(d, None, False, float(p))


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-06, keepdim: bool = False
) -> Tensor:
    """The p-norm of x1 - x2 + eps over the last dimension; x1 and x2 broadcast."""
    d = sub(need_tensor(x1, "pairwise_distance", "x1"), need_tensor(x2, "pairwise_distance", "x2")) + eps
    dims = dims_of(-1, d._a.ndim, "pairwise_distance")
    need_elements("pairwise_distance", d, dims, p)
    return _norm_dim(d, dims, keepdim, float(p))


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-08) -> Tensor:
    """The cosine of the angle between x1 and x2 along a dimension; lengths below eps count as eps.

    Raises: RuntimeError for integers and shapes that do not broadcast.
    """
    op = "cosine_similarity"
    a, b = need_tensor(x1, op, "x1"), need_tensor(x2, op, "x2")
    kind = result_dtype((a, b))
    if kind.kind not in FLOATING:
        raise RuntimeError(f"{op}: x1 is {a.dtype} and x2 {b.dtype}; floating point tensors are needed.")
    a, b = (cast(x, kind) if x._kind.kind in "iub" else x for x in (a, b))
    if a._a.shape != b._a.shape:
        shape = broadcast(op, x1=a, x2=b)
        a, b = expand(a, *shape), expand(b, *shape)
    i = axis(dim, a._a.ndim, op)
    return sum(_unit(a, i, eps) * _unit(b, i, eps), i)


def _unit(x: Tensor, dim: int, eps: float) -> Tensor:
    """x over its length, which is at least eps; the gradient is as if it were not limited."""
    length = norm(x, 2, dim, True)
    short = (eps - length.detach()).clamp_min(0)
    return x / (length + short)


# ---- between all pairs


_MODES = {
    "use_mm_for_euclid_dist_if_necessary": 25,
    "use_mm_for_euclid_dist": 0,
    "donot_use_mm_for_euclid_dist": None,
}


def cdist(
    x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary"
) -> Tensor:
    """The p-norm of the difference of each point of x1 and each of x2.

    Shapes: x1 [..., n, d], x2 [..., m, d], the result [..., n, m]; leading dimensions broadcast.
    compute_mode: whether Euclidean distances come from a matrix product, which is faster and less exact.
    Raises: RuntimeError for integers, negative p, shapes that do not fit.
    """
    a, b = need_tensor(x1, "cdist", "x1"), need_tensor(x2, "cdist", "x2")
    real_only("cdist", (a, b), RuntimeError)
    if compute_mode not in _MODES:
        raise ValueError(f"cdist: compute_mode is {compute_mode!r}; one of {tuple(_MODES)} is needed.")
    for what, x in (("x1", a), ("x2", b)):
        if x._a.ndim < 2:
            raise RuntimeError(f"cdist: {what} is {sizes(x._a.shape)}; 2-d or more is needed.")
        if x._kind.kind not in FLOATING:
            raise RuntimeError(f"cdist: {what} is {x.dtype}; a floating point tensor is needed.")
    if a._a.shape[-1] != b._a.shape[-1]:
        raise RuntimeError(
            f"cdist: x1 is {sizes(a._a.shape)} and x2 {sizes(b._a.shape)}; the last sizes must be equal."
        )
    if p < 0:
        raise RuntimeError(f"cdist: p is {p}; 0 or more is needed.")
    _wide(a, "cdist")
    if a._kind is not b._kind:
        raise RuntimeError(f"cdist: x1 is {a.dtype} and x2 {b.dtype}; they must be equal.")
    n, m = a._a.shape[-2], b._a.shape[-2]
    if a._a.shape[:-2] != b._a.shape[:-2]:
        lead = broadcast("cdist", core=2, x1=a, x2=b)
        a, b = expand(a, *lead, n, -1), expand(b, *lead, m, -1)
    least = _MODES[compute_mode]
    by_product = p == 2 and least is not None and (n > least or m > least)
    result: Tensor = (_cdist_by_product if by_product else _cdist)(a, b, float(p))
    return result


def pdist(input: Tensor, p: float = 2) -> Tensor:
    """The p-norm of the difference of each pair of rows of a matrix [n, d]: [n (n - 1) / 2].

    Raises: RuntimeError unless the input is a floating point matrix, or for negative p.
    """
    x = _floats(need_tensor(input, "pdist"), "pdist")
    real_only("pdist", (x,), RuntimeError)
    if x._a.ndim != 2:
        raise RuntimeError(f"pdist: input is {sizes(x._a.shape)}; a matrix is needed.")
    if p < 0:
        raise RuntimeError(f"pdist: p is {p}; 0 or more is needed.")
    _wide(x, "pdist")
    n = x._a.shape[0]
    i = np.repeat(np.arange(n), np.arange(n)[::-1])
    starts = np.arange(n) * (2 * n - np.arange(n) - 1) // 2  # where the pairs of each row begin
    j = np.arange(len(i)) - starts[i] + i + 1
    return _pdist(fetch(x, (i,)) - fetch(x, (j,)), (1,), False, float(p))


# ---- norms


def renorm(input: Tensor, p: float, dim: int, maxnorm: float, *, out: Tensor | None = None) -> Tensor:
    """The input with its slices along `dim` scaled down to the p-norm maxnorm where theirs is larger.

    Raises: RuntimeError for less than two dimensions, integers, p that is not positive, negative maxnorm.
    """
    x = _floats(need_tensor(input, "renorm"), "renorm")
    if p <= 0:
        raise RuntimeError(f"renorm: p is {p}; it must be positive.")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: maxnorm is {maxnorm}; it must not be negative.")
    if x._a.ndim < 2:
        raise RuntimeError(f"renorm: input is {sizes(x._a.shape)}; 2-d or more is needed.")
    i = axis(dim, x._a.ndim, "renorm")
    others = tuple([k for k in range(x._a.ndim) if k != i])
    need_elements("renorm", x, others, p)
    return finish(_renorm(x, float(p), others, float(maxnorm)), out, "renorm", exact=True)


def _renorm_copy(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """renorm of a copy: inside transforms it is made of operations that read the input."""
    return renorm(clone(input), p, dim, maxnorm)


def frobenius_norm(input: Tensor, dim: Dims, keepdim: bool = False, *, out: Tensor | None = None) -> Tensor:
    """The root of the sum of squares over one or two dimensions, or over all if dim is ().

    Raises: RuntimeError for more dimensions.
    """
    x = _floats(need_tensor(input, "frobenius_norm"), "frobenius_norm")
    dims = dims_of(dim, x._a.ndim, "frobenius_norm")
    if dims is not None and len(dims) > 2:
        raise RuntimeError(f"frobenius_norm: dim is {dim}; at most two dimensions are possible. Use norm().")
    return finish(_norm_dim(x, dims, keepdim, 2.0), out, "frobenius_norm", exact=True)


def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The p-norm (p=pow) over all dimensions but one, which stay with size 1; dim=-1: over all."""
    x = _floats(need_tensor(v, "norm_except_dim", "v"), "norm_except_dim")
    if dim == -1:
        need_elements("norm_except_dim", x, None, pow)
        return _norm_all(x, None, False, float(pow))
    i = axis(dim, x._a.ndim, "norm_except_dim")
    shape = x._a.shape
    if 0 < i < len(shape) - 1:
        return transpose(norm_except_dim(transpose(x, 0, i), pow, 0), 0, i)
    x = x if x._a.flags.c_contiguous else contiguous(x)
    rows = view(x, shape[0], -1) if i == 0 else view(x, -1, shape[-1])
    kept = [n if k == i else 1 for k, n in enumerate(shape)]
    dims = (1 if i == 0 else 0,)
    need_elements("norm_except_dim", rows, dims, pow)
    return view(_norm_dim(rows, dims, False, float(pow)), *kept)


def trace(input: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix. Raises: RuntimeError for other dimensions."""
    x = input if type(input) is Tensor else need_tensor(input, "trace")
    if x._a.ndim != 2:
        raise RuntimeError(f"trace: input is {sizes(x._a.shape)}; a matrix is needed.")
    if x._kind is B1:
        raise NotImplementedError("trace: input is bool; numbers are needed. Use .int().")
    return _trace(x if x._kind is F4 or x._kind is F8 else in_dtype(x, None, "trace"))


offer(
    globals(),
    functions="cdist cosine_similarity frobenius_norm norm_except_dim pairwise_distance pdist",
    both="dist renorm trace",
    named={"renorm_": inplace(_renorm_copy, "renorm_")},
)
nameless(globals())

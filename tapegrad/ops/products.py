"""Products of vectors, matrices and tensors beyond matmul."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

import tapegrad.kernels.labelled as C
import tapegrad.kernels.linalg as L
from tapegrad._errors import describe, sizes
from tapegrad.define import cast, finish, offer, opaque, plain
from tapegrad.define.batching import leading
from tapegrad.domains import RECORDED
from tapegrad.dtypes import INEXACT, promote
from tapegrad.kernels.errstate import nameless
from tapegrad.naming import argument
from tapegrad.ops.factored import bar
from tapegrad.ops.linalg import dot, matmul, outer
from tapegrad.ops.moves import unsafe_view
from tapegrad.ops.pointwise import mul
from tapegrad.ops.reduce import sum
from tapegrad.ops.shape import reshape
from tapegrad.promotion import broadcast, need_tensor
from tapegrad.tensor import Tensor, axis, wrap

# ---- one node for a product of labelled axes


def _labelled_in_batch(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """The batch is one more label, of those operands that have it."""
    (a, b), (la, lb, lo) = xs, args
    new = max((*la, *lb), default=0) + 1
    if B.mine(a):
        a, la = a.raw, (new, *la)
    if B.mine(b):
        b, lb = b.raw, (new, *lb)
    return B.run(op, a, b, args=(la, lb, (new, *lo)))


_contract = opaque(
    "contract",
    C.contract,
    d=(
        lambda F, g, b, la, lb, lo: F.contract(g, b, lo, lb, la),
        lambda F, g, a, la, lb, lo: F.contract(a, g, la, lo, lb),
    ),
    saves=((1,), (0,)),
    shapes=False,
    kind="gufunc",
    batch=_labelled_in_batch,
)


def contract(a: Tensor, b: Tensor, la: C.Labels, lb: C.Labels, lo: C.Labels) -> Tensor:
    """The sum of products over all labels that `lo` lacks; see `kernels.labelled`."""
    return _contract(a, b, la, lb, lo)


def same_dtype(op: str, **tensors: Any) -> list[Tensor]:
    """The arguments, by their names. Raises: TypeError for what is no Tensor, RuntimeError for mixed
    dtypes."""
    found = [need_tensor(x, op, name) for name, x in tensors.items()]
    for (name, _), t in zip(tensors.items(), found, strict=True):
        if t._kind is not found[0]._kind:
            first = next(iter(tensors))
            raise RuntimeError(
                f"{op}: {argument(first, found[0])} is {found[0].dtype} and {argument(name, t)} is "
                f"{t.dtype}; they must be equal. Convert one."
            )
    return found


def inner(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inner products over the last dimensions: [..., k] and [*, k] give [..., *]; a 0-d operand multiplies.

    Raises: RuntimeError for last sizes that differ or mixed dtypes.
    """
    x, y = need_tensor(input, "inner"), need_tensor(other, "inner", "other")
    n, m = x._a.ndim, y._a.ndim
    if not n or not m:
        return finish(mul(x, y), out, "inner")
    x, y = same_dtype("inner", input=x, other=y)
    if x._a.shape[-1] != y._a.shape[-1]:
        raise RuntimeError(
            f"inner: {argument('input', x)} is {sizes(x._a.shape)} and {argument('other', y)} is "
            f"{sizes(y._a.shape)}; the last sizes must be equal."
        )
    if n == 1 and m == 1:
        return dot(x, y, out=out)
    la, lb = tuple(range(n)), (*range(n, n + m - 1), n - 1)
    return finish(contract(x, y, la, lb, la[:-1] + lb[:-1]), out, "inner")


def _paired(dims: Any, n: int, m: int) -> tuple[list[int], list[int]]:
    """Which dimensions of a and of b belong together, as they were given."""
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if not 0 <= dims <= min(n, m):
            raise RuntimeError(
                f"tensordot: dims is {dims} and the operands are {n}-d and {m}-d; 0 to {min(n, m)} is needed."
            )
        return list(range(n - dims, n)), list(range(dims))
    if len(dims) == 1:
        dims = dims[0]
    first, second = ([d] if isinstance(d, int) else list(d) for d in dims)
    if len(first) != len(second):
        raise RuntimeError(f"tensordot: dims is {dims!r}; as many dimensions of a as of b are needed.")
    return first, second


def tensordot(a: Tensor, b: Tensor, dims: Any = 2, out: Tensor | None = None) -> Tensor:
    """Sums of products over pairs of dimensions: the last `dims` of a and the first of b, or those that
    dims = (of a, of b) lists. The others follow in order.

    Raises: RuntimeError for sizes that differ (unless one is 1) or mixed dtypes.
    """
    x, y = same_dtype("tensordot", a=a, b=b)
    first, second = _paired(dims, x._a.ndim, y._a.ndim)
    for k, (i, j) in enumerate(zip(first, second, strict=True)):
        first[k] = i = axis(i, x._a.ndim, "tensordot")
        second[k] = j = axis(j, y._a.ndim, "tensordot")
        p, q = x._a.shape[i], y._a.shape[j]
        if p == q:
            continue
        if p != 1 and q != 1:
            raise RuntimeError(
                f"tensordot: {argument('a', x)} is {sizes(x._a.shape)} and {argument('b', y)} is "
                f"{sizes(y._a.shape)}; dimension {i} of a ({p}) and {j} of b ({q}) must be of one size."
            )
        x, y = (sum(x, (i,), True), y) if q == 1 else (x, sum(y, (j,), True))
    if len({*first}) != len(first) or len({*second}) != len(second):
        raise RuntimeError(f"tensordot: dims is {dims!r}; a dimension can be summed over once only.")
    n = x._a.ndim
    la = tuple(range(n))
    partner = dict(zip(second, first, strict=True))
    lb = tuple([partner.get(j, n + j) for j in range(y._a.ndim)])
    lo = tuple([i for i in la if i not in first]) + tuple([k for k in lb if k >= n])
    return finish(_contract(x, y, la, lb, lo), out, "tensordot", exact=True)


def kron(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The Kronecker product: every element of input times all of other. Sizes multiply; missing leading
    dimensions are 1."""
    x, y = need_tensor(input, "kron"), need_tensor(other, "kron", "other")
    if x._kind is y._kind and plain(x, y):
        return finish(wrap(L.kron(x._a, y._a)), out, "kron")
    a, b, whole = L.kron_shapes(x._a.shape, y._a.shape)
    return finish(unsafe_view(mul(reshape(x, a), reshape(y, b)), whole), out, "kron")


# ---- vectors


_cross = opaque(
    "linalg_cross",
    C.cross,
    d=(
        lambda F, g, b, shapes, dim: F.sum_to(F.vector_product(b, g, dim), shapes[0]),
        lambda F, g, a, shapes, dim: F.sum_to(F.vector_product(g, a, dim), shapes[1]),
    ),
    saves=((1,), (0,)),
    kind="gufunc",
    title="LinalgCrossBackward0",
    batch=leading(0, 0),
)


def vector_product(a: Tensor, b: Tensor, dim: int) -> Tensor:
    """The cross product along a dimension of 3, counted from the end."""
    return _cross(a, b, dim)


def _crossed(op: str, input: Any, other: Any, dim: int | None, out: Any) -> Tensor:
    x, y = same_dtype(op, input=input, other=other)
    a, b = x._a.shape, y._a.shape
    if len(a) != len(b):
        raise RuntimeError(
            f"{op}: {argument('input', x)} is {sizes(a)} and {argument('other', y)} is {sizes(b)}; they need "
            "equally many dimensions."
        )
    if dim is None:
        threes = [i for i, n in enumerate(a) if n == 3]
        if not threes:
            raise RuntimeError(f"{op}: {argument('input', x)} is {sizes(a)}; a dimension of 3 is needed.")
        dim = threes[0]
    at = axis(dim, len(a), op)
    if a[at] != 3 or b[at] != 3:
        raise RuntimeError(
            f"{op}: {argument('input', x)} is {sizes(a)} and {argument('other', y)} is {sizes(b)}; dimension "
            f"{dim} must be 3 in both."
        )
    if a != b:
        broadcast(op, input=x, other=y)
    return finish(_cross(x, y, at - len(a)), out, op)


def cross(input: Tensor, other: Tensor, dim: int | None = None, *, out: Tensor | None = None) -> Tensor:
    """The cross product along `dim`, by default the first dimension of size 3; other sizes broadcast."""
    return _crossed("cross", input, other, dim, out)


def linalg_cross(input: Tensor, other: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """The cross product along a dimension of size 3; other sizes broadcast."""
    return _crossed("linalg.cross", input, other, dim, out)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """Inner products along `dim`, x conjugated; the other sizes broadcast."""
    a, b = same_dtype("linalg.vecdot", x=x, y=y)
    if a._kind.kind not in INEXACT:
        raise RuntimeError(f"linalg.vecdot: x and y are {a.dtype}; floating point tensors are needed.")
    if a._a.ndim == b._a.ndim == 1 and a._a.shape != b._a.shape:
        raise RuntimeError(
            f"linalg.vecdot: x is {sizes(a._a.shape)} and y {sizes(b._a.shape)}; they must be of one size."
        )
    if a._a.ndim == b._a.ndim == 1:
        axis(dim, 1, "linalg.vecdot")
        return dot(bar(RECORDED.F, a), b, out=out)
    product = mul(bar(RECORDED.F, a), b)
    return sum(product, axis(dim, product._a.ndim, "linalg.vecdot"), out=out)


# ---- beta * input + alpha * product


def _sum_of(
    name: str,
    product: Callable[..., Any],
    of_a: Callable[..., Any],
    of_b: Callable[..., Any],
    kernel: Any,
    *,
    skips: bool,
) -> Any:
    """beta c + alpha product(a, b), where c is not read if beta is 0. of_a(F, g, b), of_b(F, g, a): the
    product's rules. skips: whether torch does not read the product either if alpha is 0."""

    def array(c: Any, a: Any, b: Any, beta: float, alpha: float) -> Any:
        y = kernel(a, b)
        if alpha != 1:
            y = np.zeros_like(y) if skips and not alpha else y * y.dtype.type(alpha)
        return y if beta == 0 else y + (c if beta == 1 else c * y.dtype.type(beta))

    def body(F: Any, c: Any, a: Any, b: Any, beta: float, alpha: float) -> Any:
        ab = product(F, a, b)
        ab = F.zeros_like(ab) if skips and not alpha else ab * alpha
        return ab if beta == 0 else ab + c * beta

    def scaled(x: Any, k: float) -> Any:
        return x if k == 1 else x * k

    return opaque(
        name,
        array,
        d=(
            lambda F, g, shapes, beta, alpha: F.sum_to(scaled(g, beta), shapes[0]),
            lambda F, g, b, shapes, beta, alpha: scaled(of_a(F, g, b), alpha),
            lambda F, g, a, shapes, beta, alpha: scaled(of_b(F, g, a), alpha),
        ),
        saves=((), (2,), (1,)),
        body=body,
    )


def _summed_products(a: Any, b: Any) -> Any:
    """The sum over the batch of matrix products: one product of long rows and columns."""
    n, m = a.shape[1], b.shape[2]
    return (
        a.transpose(1, 0, 2)
        .reshape(n, -1 if a.size else a.shape[0] * a.shape[2])
        .dot(b.reshape(b.shape[0] * b.shape[1], m))
    )


_addmv = _sum_of(
    "addmv",
    lambda F, a, b: F.mv(a, b),
    lambda F, g, b: F.outer(g, b),
    lambda F, g, a: F.mv(F.mT(a), g),
    L.mv,
    skips=True,
)
_addr = _sum_of(
    "addr",
    lambda F, a, b: F.outer(a, b),
    lambda F, g, b: F.mv(g, b),
    lambda F, g, a: F.mv(F.mT(g), a),
    L.outer,
    skips=False,
)
_baddbmm = _sum_of(
    "baddbmm",
    lambda F, a, b: F.matmul(a, b),
    lambda F, g, b: F.matmul(g, F.mT(b)),
    lambda F, g, a: F.matmul(F.mT(a), g),
    L.matmul,
    skips=False,
)
_addbmm = _sum_of(
    "addbmm",
    lambda F, a, b: F.sum(F.matmul(a, b), (0,), False),
    lambda F, g, b: F.matmul(g, F.mT(b)),
    lambda F, g, a: F.matmul(F.mT(a), g),
    _summed_products,
    skips=True,
)


def _checked(op: str, names: Sequence[str], tensors: Sequence[Any], ranks: tuple[int, int]) -> list[Tensor]:
    """The three operands. Raises: RuntimeError for other numbers of dimensions and for mixed dtypes."""
    found = same_dtype(op, **dict(zip(names, tensors, strict=True)))
    for name, t, n in zip(names[1:], found[1:], ranks, strict=True):
        if t._a.ndim != n:
            raise RuntimeError(
                f"{op}: {argument(name, t)} is {sizes(t._a.shape)} ({t._a.ndim}-d); a {n}-d tensor is needed."
            )
    return found


def _fitting(op: str, c: Tensor, a: Tensor, b: Tensor, fits: bool, shape: tuple[int, ...]) -> None:
    """Raises: RuntimeError if a and b do not meet, or c does not broadcast to their product."""
    if not fits:
        raise RuntimeError(
            f"{op}: the factors are {sizes(a._a.shape)} and {sizes(b._a.shape)}; their sizes must meet as in "
            "a matrix product."
        )
    have = c._a.shape
    pairs = () if have == shape else zip(have[::-1], shape[::-1], strict=False)
    if len(have) > len(shape) or any(k not in (1, n) for k, n in pairs):
        raise RuntimeError(
            f"{op}: {argument('input', c)} is {sizes(have)} and the product {sizes(shape)}; input must "
            "broadcast to it."
        )


def addmv(
    input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1, out: Tensor | None = None
) -> Tensor:
    """beta * input + alpha * (mat @ vec), for [n, k] and [k]; with beta 0 input is not read."""
    c, a, b = _checked("addmv", ("input", "mat", "vec"), (input, mat, vec), (2, 1))
    _fitting("addmv", c, a, b, a._a.shape[1] == b._a.shape[0], a._a.shape[:1])
    return finish(_addmv(c, a, b, beta, alpha), out, "addmv", exact=True)


def addr(
    input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1, out: Tensor | None = None
) -> Tensor:
    """beta * input + alpha * the outer product [n, m] of two vectors; with beta 0 input is not read."""
    given = [need_tensor(t, "addr", name) for name, t in (("input", input), ("vec1", vec1), ("vec2", vec2))]
    kind = promote(given[0]._kind, promote(given[1]._kind, given[2]._kind))  # also of a number
    same = [t if t._kind is kind else cast(t, kind) for t in given]
    c, a, b = _checked("addr", ("input", "vec1", "vec2"), same, (1, 1))
    _fitting("addr", c, a, b, True, a._a.shape + b._a.shape)
    return finish(_addr(c, a, b, beta, alpha), out, "addr", exact=True)


def _batches_meet(a: Tensor, b: Tensor) -> bool:
    x, y = a._a.shape, b._a.shape
    return bool(x[0] == y[0] and x[2] == y[1])


def baddbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: float = 1,
    alpha: float = 1,
    out: Tensor | None = None,
) -> Tensor:
    """beta * input + alpha * (batch1 @ batch2), for [b, n, k] and [b, k, m]; with beta 0 input is not
    read."""
    c, a, b = _checked("baddbmm", ("input", "batch1", "batch2"), (input, batch1, batch2), (3, 3))
    _fitting("baddbmm", c, a, b, _batches_meet(a, b), a._a.shape[:2] + b._a.shape[2:])
    return finish(_baddbmm(c, a, b, beta, alpha), out, "baddbmm", exact=True)


def addbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: float = 1,
    alpha: float = 1,
    out: Tensor | None = None,
) -> Tensor:
    """beta * input + alpha * the sum over b of batch1 @ batch2, [b, n, k] and [b, k, m]; with beta 0 input is
    not read."""
    c, a, b = _checked("addbmm", ("input", "batch1", "batch2"), (input, batch1, batch2), (3, 3))
    _fitting("addbmm", c, a, b, _batches_meet(a, b), a._a.shape[1:2] + b._a.shape[2:])
    return finish(_addbmm(c, a, b, beta, alpha), out, "addbmm", exact=True)


# ---- chains


def _chain(op: str, tensors: Sequence[Any]) -> list[Tensor]:
    found = [need_tensor(t, op, f"tensors[{i}]") for i, t in enumerate(tensors)]
    if len(found) < 2:
        raise RuntimeError(f"{op}: {len(found)} tensors are given; two or more are needed.")
    for i, t in enumerate(found):
        if t._a.ndim != 2 and not (t._a.ndim == 1 and i in (0, len(found) - 1)):
            raise RuntimeError(
                f"{op}: {argument(f'tensors[{i}]', t)} is {sizes(t._a.shape)}; matrices are needed (the "
                "first and the last may be vectors)."
            )
    return found


def multi_dot(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The product of a chain of matrices, in the order that takes the fewest multiplications. The first and
    the last may be vectors.

    Raises: RuntimeError for sizes that do not meet.
    """
    chain = _chain("linalg.multi_dot", tensors)
    if len(chain) == 2:
        return finish(matmul(*chain), out, "linalg.multi_dot", exact=True)
    shapes = [t._a.shape for t in chain]
    if len(shapes[0]) == 1:
        shapes[0] = (1, *shapes[0])
    if len(shapes[-1]) == 1:
        shapes[-1] = (*shapes[-1], 1)
    if any(a[1] != b[0] for a, b in pairwise(shapes)):
        raise RuntimeError(
            f"linalg.multi_dot: the shapes are {', '.join(map(sizes, shapes))}; neighbours must meet as in a "
            "matrix product."
        )
    split = _best_splits([a[0] for a in shapes] + [shapes[-1][1]])
    # From the leaves up: a stack of spans instead of a recursion.
    done: dict[tuple[int, int], Tensor] = {(i, i): t for i, t in enumerate(chain)}
    waiting = [(0, len(chain) - 1)]
    while waiting:
        i, j = waiting[-1]
        parts = [(i, split[i, j]), (split[i, j] + 1, j)] if i != j else []
        missing = [p for p in parts if p not in done]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        if parts:
            done[i, j] = matmul(done[parts[0]], done[parts[1]])
    return finish(done[0, len(chain) - 1], out, "linalg.multi_dot", exact=True)


def _best_splits(p: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to split each span of a chain whose matrix i is [p[i], p[i + 1]]. Source: Cormen et al., 15.2."""
    n = len(p) - 1
    cost: dict[tuple[int, int], float] = {(i, i): 0 for i in range(n)}
    split = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i, j], split[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + p[i] * p[k + 1] * p[j + 1], k) for k in range(i, j)
            )
    return split


def chain_matmul(*matrices: Tensor, out: Tensor | None = None) -> Tensor:
    """The product of matrices, in the order that takes the fewest multiplications.

    Raises: RuntimeError for what is no matrix.
    """
    for m in matrices:
        if need_tensor(m, "chain_matmul", "matrices")._a.ndim != 2:
            raise RuntimeError(
                f"chain_matmul: {argument('one of them', m)} is {describe(m)}; matrices are needed."
            )
    if len(matrices) == 1:
        return finish(matrices[0].clone(), out, "chain_matmul")
    return multi_dot(matrices, out=out)


def linalg_matmul(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The same as torch.matmul."""
    return matmul(input, other, out=out)


offer(
    globals(),
    functions="chain_matmul tensordot",
    both="addbmm addmv addr baddbmm cross inner kron",
    in_place="addbmm addmv addr baddbmm",
    rules="contract vector_product",
)
offer({"ger": outer}, both="ger")
offer(
    {"cross": linalg_cross, "matmul": linalg_matmul, "multi_dot": multi_dot, "vecdot": vecdot},
    namespace="linalg",
    functions="cross matmul multi_dot vecdot",
)
nameless(globals())

"""Ops with several results, such as the factors of a matrix; and what rules about matrices share.

A node has one result. So a factorisation that must be recorded runs once into one array that holds all of its
factors side by side, and each factor is an op of the input and of that array. One rule gives the input's
cotangent from those of the factors, which are None where nobody needs them: what only reads eigenvalues never
meets the division by their gaps that eigenvectors have.

Rules here are written as torch has them, with gradients of complex values; on the tape cotangents of complex
values are conjugated, so they are turned round on the way in and on the way out.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

import tapegrad.define.batching as B
import tapegrad.kernels.factor as K
from tapegrad._errors import sizes
from tapegrad._state import special
from tapegrad.define import OUT, opaque
from tapegrad.dtypes import NARROW
from tapegrad.kernels.errstate import again, nameless
from tapegrad.naming import argument
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import attend

Cores = Callable[..., tuple[tuple[int, ...], ...]]


# ---- over F


def dtype_of(x: Any) -> Any:
    """The NumPy dtype of an array or Tensor."""
    return x._kind if isinstance(x, Tensor) else x.dtype


def bar(F: Any, x: Any) -> Any:
    """The complex conjugate; what is real as it is."""
    return F.conj(x) if x is not None and dtype_of(x).kind == "c" else x


def mH(F: Any, x: Any) -> Any:
    """Transposed and conjugated."""
    return F.mT(bar(F, x))


def row(F: Any, x: Any) -> Any:
    """[..., n] as [..., 1, n]."""
    return F.getitem(x, (Ellipsis, None, slice(None)))


def column(F: Any, x: Any) -> Any:
    """[..., n] as [..., n, 1]."""
    return F.getitem(x, (Ellipsis, None))


def cut(F: Any, x: Any, *ranges: slice) -> Any:
    """x at ranges of its last axes."""
    return F.getitem(x, (Ellipsis, *ranges))


def diagonal_of(F: Any, x: Any) -> Any:
    """The diagonals of matrices [..., n, n], as [..., n]."""
    return F.sum(x * K.eye(x.shape[-1], dtype_of(x)), (-1,), False)


def diagonal_matrix(F: Any, d: Any) -> Any:
    """[..., n] as diagonals of matrices."""
    return column(F, d) * K.eye(d.shape[-1], dtype_of(d))


def turned(rule: Callable[..., Any]) -> Callable[..., Any]:
    """A rule(F, g, *saved...) written for gradients, for cotangents."""

    def d(F: Any, g: Any, *rest: Any) -> Any:
        return bar(F, rule(F, bar(F, g), *rest))

    return d


# ---- several results


class Like:
    """What rules mostly read of an input: its shape and dtype."""

    __slots__ = ("dtype", "shape")

    def __init__(self, a: Any) -> None:
        self.shape, self.dtype = a.shape, a.dtype


def _read(rest: tuple[Any, ...], values: bool) -> tuple[Any, ...]:
    """(a, the factors, other arguments) of what a rule is given: ([a,] the factors, Like a, others)."""
    if values:
        a, p, _, *args = rest
    else:
        p, a, *args = rest
    return a, p, *args


def factored(
    name: str,
    kernel: Callable[..., tuple[Any, ...]],
    cores: Cores,
    rule: Callable[..., Any],
    *,
    title: str,
    kinds: str,
    values: bool = False,
) -> Callable[..., tuple[Tensor, ...]]:
    """call(input, *args) of matrices [..., m, n], with kernel(array, *args) -> arrays.

    cores(m, n, *args): the results' shapes without the batch. rule(F, gs, factors, a, *args): the gradient of
    the input; a is `Like` the input, or the input itself if the rule reads its `values`. kinds: a letter per
    result: "=" has the input's dtype, "r" its real and "c" its complex sibling, "i" is int32; "0" is as "=".
    The last two have no gradient.
    """

    def places(a: Any, args: Any) -> list[tuple[slice, tuple[int, ...]]]:
        start, found = 0, []
        for shape in cores(*a.shape[-2:], *args):
            found.append((slice(start, start + prod(shape)), shape))
            start += prod(shape)
        return found

    def unpack(F: Any, p: Any, a: Any, args: Any) -> list[Any]:
        parts = []
        for i, (at, shape) in enumerate(places(a, args)):
            x = F.reshape(F.getitem(p, (Ellipsis, at)), (*a.shape[:-2], *shape))
            parts.append(F.real(x) if kinds[i] == "r" and dtype_of(x).kind == "c" else x)
        return parts

    def whole_kernel(a: Any, _: Like, *args: Any) -> Any:
        return K.pack(kernel(a, *args), [len(shape) for shape in cores(*a.shape[-2:], *args)])

    def part_kernel(a: Any, p: Any, _: Like, i: int, *args: Any) -> Any:
        at, shape = places(a, args)[i]
        x = p[..., at].reshape(a.shape[:-2] + shape)
        if kinds[i] == "i":
            return x.real.astype(np.int32)
        return x.real.copy() if kinds[i] == "r" and x.dtype.kind == "c" else x

    def whole_rule(F: Any, g: Any, *rest: Any) -> Any:
        a, p, *args = _read(rest, values)
        gs = unpack(F, bar(F, g), a, args)
        return bar(F, rule(F, gs, unpack(F, p, a, args), a, *args))

    def part_rule(F: Any, g: Any, *rest: Any) -> Any:
        a, p, i, *args = _read(rest, values)
        gs: list[Any] = [None] * len(places(a, args))
        gs[i] = bar(F, g)
        return bar(F, rule(F, gs, unpack(F, p, a, args), a, *args))

    own = (0,) if values else ()
    whole = opaque(
        f"{name}.all", whole_kernel, d=(whole_rule,), saves=((*own, OUT),), shapes=False, batch=B.leading(2)
    )
    part = opaque(
        name,
        part_kernel,
        d=(part_rule, None),
        saves=((*own, 1), ()),
        shapes=False,
        title=title,
        batch=B.leading(2, 1),
    )

    def call(input: Tensor, *args: Any) -> tuple[Tensor, ...]:
        if not (special.alert and attend(input)) and input._node is None:
            try:
                found = kernel(input._a, *args)
            except FloatingPointError:
                found = again(kernel, input._a, *args)
            return tuple([wrap(x) for x in found])
        like = Like(input._a)
        p = whole(input, like, *args)
        results = []
        for i, letter in enumerate(kinds):
            t = part(input, p, like, i, *args)
            if letter in "i0":
                t._node = None
            results.append(t)
        return tuple(results)

    return call


# ---- arguments


def matrices(
    x: Any, op: str, *, square: bool = False, name: str = "A", narrow: type = NotImplementedError
) -> Tensor:
    """x if it is a batch of matrices of float32, float64 or their complex siblings.

    Raises: TypeError for no Tensor; RuntimeError for other shapes and dtypes; `narrow` for float16 and
    bfloat16.
    """
    t = need_tensor(x, op, name)
    shape, kind = t._a.shape, t._kind
    if len(shape) < 2:
        raise RuntimeError(
            f"{op}: {argument(name, t)} is {sizes(shape)} ({len(shape)}-d); a matrix or a batch of matrices "
            "is needed."
        )
    if square and shape[-1] != shape[-2]:
        raise RuntimeError(f"{op}: {argument(name, t)} is {sizes(shape)}; square matrices are needed.")
    if kind.char not in "fdFD":
        error = narrow if kind.char in NARROW else RuntimeError
        raise error(
            f"{op}: {argument(name, t)} is {t.dtype}; float32, float64 or a complex dtype is needed. Convert "
            "first, e.g. with .float()."
        )
    return t


nameless(globals())

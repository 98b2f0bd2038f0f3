"""Convolutions and transposed convolutions.

Three operations, each linear in both operands, have one another as derivatives: x with w gives y, y's
cotangent with w goes back to x, and with x to w. A transposed convolution is the second.
"""

from __future__ import annotations

from typing import Any

import tapegrad.kernels as K
import tapegrad.kernels.convolution as C
from tapegrad._errors import describe, sizes
from tapegrad.define import offer, opaque
from tapegrad.dtypes import B1
from tapegrad.kernels.errstate import nameless
from tapegrad.naming import argument
from tapegrad.ops.networks.geometry import in_batch, need_samples, numbers
from tapegrad.ops.shape import permute
from tapegrad.ops.shuffle import constant_pad_nd
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor

# ---- batches of convolutions: an operand that differs per entry is more samples, or more groups


def _front(B: Any, y: Any, n: int) -> Any:
    """[n, batch * channels, ...] as [batch, n, channels, ...]."""
    y = B.reshape(y, (n, B.size, y.shape[1] // B.size, *y.shape[2:]))
    return B.moved(y, 1, 0)


def _joined(B: Any, x: Any) -> Any:
    """x [n, channels, ...] of every entry, as [n, batch * channels, ...]."""
    n, c, *size = x.shape
    return B.reshape(B.moved(B.full(x), 0, 1), (n, B.size * c, *size))


def _entries(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of an op (x, w, b, stride, padding, dilation, groups, ...) on samples x."""
    x, w, b = xs
    n = x.shape[0]
    if B.mine(w):
        weights = B.reshape(w.raw, (B.size * w.shape[0], *w.shape[1:]))
        groups = B.size * args[3]
        y = B.run(op, _joined(B, x), weights, None, args=(*args[:3], groups, *args[4:]))
        y = _front(B, y, n)
    elif B.mine(x):
        y = B.run(op, B.reshape(x.raw, (B.size * n, *x.shape[1:])), w, None, args=args)
        y = B.reshape(y, (B.size, n, *y.shape[1:]))
    else:
        y = B.expand(B.run(op, x, w, None, args=args), (B.size, *B.run(op, x, w, None, args=args).shape))
    if b is None:
        return y
    shape = (B.size if B.mine(b) else 1, 1, b.shape[0], *(1,) * (y.ndim - 3))
    return B.run("add", y, B.reshape(b.raw if B.mine(b) else b, shape))


def _entries_of_weight(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of the op (g, x, stride, padding, dilation, groups, kernel)."""
    y = B.run(op, _joined(B, xs[0]), _joined(B, xs[1]), args=(*args[:3], B.size * args[3], args[4]))
    return B.reshape(y, (B.size, y.shape[0] // B.size, *y.shape[1:]))


# ---- the three operations


def _per_channel(F: Any, g: Any, *_: Any) -> Any:
    return F.sum(g, (0, *range(2, g.ndim)), False)


_convolved = opaque(
    "convolution",
    C.convolved,
    saves=((1,), (0,), ()),
    d=(
        lambda F, g, w, shapes, *a: F.convolved_back(g, w, None, *a, shapes[0][2:]),
        lambda F, g, x, shapes, *a: F.convolved_weight(g, x, *a, shapes[1][2:]),
        _per_channel,
    ),
    optional=(2,),
    batch=_entries,
)
_rules = _convolved.op.vjp


def _vjp(F: Any, g: Any, saved: Any, meta: Any, need: Any) -> Any:
    """The rules; on arrays both operands' cotangents come of the same columns where that can be."""
    if F is not K or need[0] is None or need[1] is None:
        return _rules(F, g, saved, meta, need)
    both = C.convolved_both(g, *saved[1:3], *meta[1:])
    if both is None:
        return _rules(F, g, saved, meta, need)
    return (*both, None if need[2] is None else _per_channel(F, g))


_convolved.op.vjp = _vjp


def _covered(F: Any, u: Any, shapes: Any, stride: Any, padding: Any, dilation: Any, *_: Any) -> Any:
    """What the windows cover of u: output_padding may be wider than the stride if the dilation is, too."""
    axes = zip(shapes[0][2:], shapes[1][2:], stride, padding, dilation, strict=True)
    ends = [(m - 1) * s - 2 * p + d * (k - 1) + s for m, k, s, p, d in axes]
    if all(n <= end for n, end in zip(u.shape[2:], ends, strict=True)):
        return u
    return F.getitem(u, (slice(None), slice(None), *[slice(end) for end in ends]))


_back = opaque(
    "convolution.back",
    C.convolved_back,
    saves=((1,), (0,), ()),
    d=(
        lambda F, u, w, shapes, *a: F.convolved(_covered(F, u, shapes, *a), w, None, *a[:4]),
        lambda F, u, g, shapes, *a: F.convolved_weight(g, _covered(F, u, shapes, *a), *a[:4], shapes[1][2:]),
        _per_channel,
    ),
    optional=(2,),
    batch=_entries,
)
_weight = opaque(
    "convolution.weight",
    C.convolved_weight,
    saves=((1,), (0,)),
    d=(
        lambda F, u, x, shapes, *a: F.convolved(x, u, None, *a[:4]),
        lambda F, u, g, shapes, *a: F.convolved_back(g, u, None, *a[:4], shapes[1][2:]),
    ),
    kind="gufunc",
    batch=_entries_of_weight,
)


# ---- what users call


def _operands(op: str, n: int, input: Any, weight: Any, bias: Any, groups: Any, transposed: bool) -> Tensor:
    """input. Raises: RuntimeError unless the operands fit, NotImplementedError for bool."""
    x, w = need_samples(input, n, op), need_tensor(weight, op, "weight")
    shape, c = w._a.shape, x._a.shape[-n - 1]
    if len(shape) != n + 2:
        raise RuntimeError(f"{op}: {argument('weight', w)} is {sizes(shape)}; {n + 2} dimensions are needed.")
    if not isinstance(groups, int) or isinstance(groups, bool):
        raise TypeError(f"{op}: groups is {groups!r}; an int is needed.")
    if groups < 1 or shape[0] < groups or shape[0] % groups:
        raise RuntimeError(
            f"{op}: {argument('weight', w)} is {sizes(shape)} and groups {groups}; they must divide its "
            f"first size ({shape[0]})."
        )
    needed, outputs = (shape[0], shape[1] * groups) if transposed else (shape[1] * groups, shape[0])
    if c != needed:
        raise RuntimeError(
            f"{op}: {argument('input', x)} is {sizes(x._a.shape)} and {argument('weight', w)} {sizes(shape)} "
            f"with groups {groups}; input must have {needed} channels and has {c}."
        )
    if 0 in shape[2:]:
        raise RuntimeError(f"{op}: {argument('weight', w)} is {sizes(shape)}; its kernel must not be empty.")
    if bias is not None and need_tensor(bias, op, "bias")._a.shape != (outputs,):
        raise RuntimeError(
            f"{op}: {argument('bias', bias)} is {sizes(bias._a.shape)} and {argument('weight', w)} "
            f"{sizes(shape)}; bias must be [{outputs}]."
        )
    for name, t in (("weight", w), ("bias", bias)):
        if t is not None and t._kind is not x._kind:
            raise RuntimeError(
                f"{op}: {argument('input', x)} is {describe(x)} and {argument(name, t)} {describe(t)}; their "
                "dtypes must be equal."
            )
    if x._kind is B1:
        raise NotImplementedError(f"{op}: input is {describe(x)}; numbers are needed.")
    return x


def _same(op: str, x: Tensor, n: int, kernel: Any, stride: Any, dilation: Any) -> tuple[Tensor, Any]:
    """For padding="same": x, padded where the two sides differ, and the padding that is left."""
    if set(stride) != {1}:
        raise RuntimeError(f"{op}: padding is 'same' and stride {stride}; the stride must be 1.")
    total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    uneven = [t % 2 for t in total]
    if any(uneven):
        x = constant_pad_nd(x, [k for odd in reversed(uneven) for k in (0, odd)])
    return x, tuple([t // 2 for t in total])


def _convolve(
    n: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> Tensor:
    op = f"conv{n}d"
    x = _operands(op, n, input, weight, bias, groups, False)
    steps, widths = numbers(stride, n, "stride", op, 1), numbers(dilation, n, "dilation", op, 1)
    size, kernel = x._a.shape[-n:], weight._a.shape[2:]
    if padding == "same":
        x, pad = _same(op, x, n, kernel, steps, widths)
        size = x._a.shape[-n:]
    elif isinstance(padding, str) and padding != "valid":
        raise RuntimeError(f"{op}: padding is {padding!r}; numbers, 'same' or 'valid' are needed.")
    else:
        pad = (0,) * n if padding == "valid" else numbers(padding, n, "padding", op)
    if 0 in size or min(C.result_size(size, kernel, steps, pad, widths)) < 1:
        raise RuntimeError(
            f"{op}: {argument('input', input)} is {sizes(input._a.shape)}, padded by {pad}, and the kernel "
            f"{sizes(kernel)}, dilated by {widths}; it must not be larger. Use a smaller one, or pad more."
        )
    return in_batch(_convolved, x, n, weight, bias, steps, pad, widths, groups)


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: str | int | tuple[int, ...] = 0,
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
) -> Tensor:
    """The sums of weight times what it covers, as it moves over input, plus bias (a cross-correlation).

    Shapes: input [N, C, L] or [C, L], weight [O, C / groups, K], bias [O] -> [N, O, L'] or [O, L'].
    Raises: RuntimeError for shapes that do not fit and mixed dtypes, NotImplementedError for bool.
    """
    return _convolve(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: str | int | tuple[int, ...] = 0,
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
) -> Tensor:
    """The sums of weight times what it covers, as it moves over input, plus bias (a cross-correlation).

    Shapes: input [N, C, H, W] or [C, H, W], weight [O, C / groups, KH, KW], bias [O] -> [N, O, H', W'] or
    [O, H', W'].
    Raises: RuntimeError for shapes that do not fit and mixed dtypes, NotImplementedError for bool.
    """
    return _convolve(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: str | int | tuple[int, ...] = 0,
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
) -> Tensor:
    """The sums of weight times what it covers, as it moves over input, plus bias (a cross-correlation).

    Shapes: input [N, C, D, H, W] or [C, D, H, W], weight [O, C / groups, KD, KH, KW], bias [O].
    Raises: RuntimeError for shapes that do not fit and mixed dtypes, NotImplementedError for bool.
    """
    return _convolve(3, input, weight, bias, stride, padding, dilation, groups)


def _transpose(
    n: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    more: Any,
    groups: Any,
    dilation: Any,
) -> Tensor:
    op = f"conv_transpose{n}d"
    x = _operands(op, n, input, weight, bias, groups, True)
    steps, widths = numbers(stride, n, "stride", op, 1), numbers(dilation, n, "dilation", op, 1)
    pad, extra = numbers(padding, n, "padding", op), numbers(more, n, "output_padding", op)
    if any(e >= s and e >= d for e, s, d in zip(extra, steps, widths, strict=True)):
        raise RuntimeError(
            f"{op}: output_padding is {extra}, stride {steps} and dilation {widths}; it must be smaller than "
            "one of them."
        )
    kernel = weight._a.shape[2:]
    size = tuple(
        [
            (m - 1) * s - 2 * p + d * (k - 1) + e + 1
            for m, k, s, p, d, e in zip(x._a.shape[-n:], kernel, steps, pad, widths, extra, strict=True)
        ]
    )
    if 0 in x._a.shape[-n:] or min(size) < 1:
        raise RuntimeError(
            f"{op}: {argument('input', x)} is {sizes(x._a.shape)} and the result would be {sizes(size)}; pad "
            "less."
        )
    return in_batch(_back, x, n, weight, bias, steps, pad, widths, groups, size)


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: int | tuple[int, ...] = 0,
    output_padding: int | tuple[int, ...] = 0,
    groups: int = 1,
    dilation: int | tuple[int, ...] = 1,
) -> Tensor:
    """Each number of input times weight, added up where they land, plus bias: conv1d's adjoint.

    Shapes: input [N, C, L] or [C, L], weight [C, O / groups, K], bias [O] -> [N, O, L'] or [O, L'].
    Raises: RuntimeError for shapes that do not fit and mixed dtypes, NotImplementedError for bool.
    """
    return _transpose(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: int | tuple[int, ...] = 0,
    output_padding: int | tuple[int, ...] = 0,
    groups: int = 1,
    dilation: int | tuple[int, ...] = 1,
) -> Tensor:
    """Each number of input times weight, added up where they land, plus bias: conv2d's adjoint.

    Shapes: input [N, C, H, W] or [C, H, W], weight [C, O / groups, KH, KW], bias [O].
    Raises: RuntimeError for shapes that do not fit and mixed dtypes, NotImplementedError for bool.
    """
    return _transpose(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: int | tuple[int, ...] = 0,
    output_padding: int | tuple[int, ...] = 0,
    groups: int = 1,
    dilation: int | tuple[int, ...] = 1,
) -> Tensor:
    """Each number of input times weight, added up where they land, plus bias: conv3d's adjoint.

    Shapes: input [N, C, D, H, W] or [C, D, H, W], weight [C, O / groups, KD, KH, KW], bias [O].
    Raises: RuntimeError for shapes that do not fit and mixed dtypes, NotImplementedError for bool.
    """
    return _transpose(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    transposed: bool,
    output_padding: tuple[int, ...],
    groups: int,
) -> Tensor:
    """conv1d, conv2d, conv3d, or with `transposed` their adjoints, by the dimensions of weight.

    Raises: RuntimeError for shapes that do not fit and mixed dtypes, NotImplementedError for bool.
    """
    n = need_tensor(weight, "convolution", "weight")._a.ndim - 2
    if n not in (1, 2, 3):
        raise RuntimeError(
            f"convolution: {argument('weight', weight)} is {describe(weight)}; 3 to 5 dimensions are needed."
        )
    if transposed:
        return _transpose(n, input, weight, bias, stride, padding, output_padding, groups, dilation)
    return _convolve(n, input, weight, bias, stride, padding, dilation, groups)


def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """conv1d of sequences.

    Shapes: input [L, N, C], weight [K, C, O], bias [O] -> [L', N, O].
    Raises: RuntimeError for shapes that do not fit.
    """
    for name, t in (("input", input), ("weight", weight)):
        if need_tensor(t, "conv_tbc", name)._a.ndim != 3:
            raise RuntimeError(f"conv_tbc: {argument(name, t)} is {describe(t)}; 3 dimensions are needed.")
    return permute(conv1d(permute(input, 1, 2, 0), permute(weight, 2, 1, 0), bias, padding=pad), 2, 0, 1)


_FORMS = "conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d"
offer(globals(), functions=f"{_FORMS} convolution")
offer(globals(), functions=_FORMS, namespace="nn")
offer(
    {"convolved": _convolved, "convolved_back": _back, "convolved_weight": _weight},
    rules="convolved convolved_back convolved_weight",
)
nameless(globals())

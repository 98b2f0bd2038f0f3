"""The linear ops that move elements, as primitives: arguments are checked and normalised. `shape` has the
functions that users call."""

from __future__ import annotations

import numpy as np

import tapegrad.define.batching as B
import tapegrad.kernels.shape as S
from tapegrad.define.linear import linear
from tapegrad.kernels.errstate import nameless

view = linear(
    "view",
    S.reshape,
    lambda F, g, shape, _: F.reshape(g, shape),
    view=True,
    batch=B.to_shape,
)
reshape_alias = linear(
    "reshape_alias", S.reshape, lambda F, g, shape, _: F.reshape(g, shape), view=True, batch=B.to_shape
)
unsafe_view = linear(
    "unsafe_view",
    S.reshape,
    lambda F, g, shape, _: F.reshape(g, shape),
    batch=B.to_shape,
)
transpose = linear(
    "transpose", S.transpose, lambda F, g, _, i, j: F.transpose(g, i, j), view=True, batch=B.transposed
)
t = linear(
    "t",
    S.t,
    lambda F, g, _: F.mT(g) if g.ndim == 2 else g,
    view=True,
    batch=B.swapped(-2, -1),
)
permute = linear(
    "permute",
    S.permute,
    lambda F, g, _, dims: F.permute(g, tuple(np.argsort(dims).tolist())),
    view=True,
    batch=B.permuted,
)
squeeze_all = linear(
    "squeeze", S.squeeze, lambda F, g, shape, _: F.reshape(g, shape), view=True, batch=B.at_dims
)
squeeze_dim = linear(
    "squeeze.dim",
    S.squeeze,
    lambda F, g, shape, _: F.reshape(g, shape),
    view=True,
    title="SqueezeBackward1",
    batch=B.at_dims,
)
squeeze_dims = linear(
    "squeeze.dims",
    S.squeeze,
    lambda F, g, shape, _: F.reshape(g, shape),
    view=True,
    title="SqueezeBackward2",
    batch=B.at_dims,
)
unsqueeze = linear(
    "unsqueeze", S.unsqueeze, lambda F, g, shape, _: F.reshape(g, shape), view=True, batch=B.at_dim
)
expand = linear(
    "expand", S.broadcast, lambda F, g, shape, _: F.sum_to(g, shape), view=True, batch=B.repeated, widens=True
)
sum_to = linear(
    "sum_to",
    S.sum_to,
    lambda F, g, shape, _: F.expand(g, shape),
    title="SumBackward1",
    batch=B.summed_to,
    widens=True,
)
clone = linear(
    "clone",
    S.clone,
    lambda F, g, _: g,
    batch=B.same,
)
contiguous = linear(
    "contiguous",
    S.contiguous,
    lambda F, g, _: g,
    title="CloneBackward0",
    batch=B.same,
)


nameless(globals())

"""Elements chosen along a dimension, by where they are."""

from __future__ import annotations

from typing import Any

import tapegrad.define.batching as B
import tapegrad.kernels.reduce as R
from tapegrad.define import Function, indexing, offer, plain
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.shape import without
from tapegrad.tensor import Tensor, wrap

pick, place = indexing(
    ("pick", "place"),
    R.pick,
    R.place,
    titles=("GatherBackward0", "ScatterBackward0"),
    batch=(B.picked, B.picked),
)


def picking(key: str, title: str, *, again: bool = False) -> Function:
    """`pick` under the name of an operation that chooses elements along a dimension; with `again`, some
    perhaps several times."""
    return indexing(
        (key, f"{key}.place"),
        R.pick,
        R.place_all if again else R.place,
        titles=(title, "ScatterBackward0"),
        batch=(B.picked, B.picked),
    )[0]


def found(
    where: Function, pick: Function, x: Tensor, dim: int, keepdim: bool, *args: Any
) -> tuple[Tensor, Tensor]:
    """The elements that the operation where(x, dim, *args) finds, by `pick`, and where they are. It leaves
    `dim` as 1, if there is one, which goes unless keepdim."""
    if plain(x):
        a = x._a
        try:
            at = where.op.forward(a, dim, *args)
            y = R.pick(a, at, dim, keepdim)
        except FloatingPointError:  # NumPy is set to raise: the operations know what to do
            pass
        else:
            return wrap(y), wrap(at if keepdim else at.reshape(y.shape))
    indices = where(x, dim, *args)
    return pick(x, indices._a, dim, keepdim), indices if keepdim else without(indices, dim)


offer(globals(), rules="pick place")
nameless(globals())

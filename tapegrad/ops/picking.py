"""Elements chosen along a dimension, by where they are."""

from __future__ import annotations

from typing import Any, TypeVar

import tapegrad.define.batching as B
import tapegrad.kernels.reduce as R
from tapegrad.define import Function, indexing, offer, plain
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.shape import without
from tapegrad.tensor import Tensor, wrap

_N = TypeVar("_N", bound=tuple[Any, ...])

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
    kind: type[_N], where: Function, pick: Function, x: Tensor, dim: int, keepdim: bool, *args: Any
) -> _N:
    """A pair of this kind: the elements that the operation where(x, dim, *args) finds, by `pick`, and where
    they are. It leaves `dim` as 1, if there is one, which goes unless keepdim."""
    if plain(x):
        try:
            y, at = R.chosen(where.op.forward, x._a, dim, keepdim, args)
        except FloatingPointError:  # NumPy is set to raise: the operations know what to do
            pass
        else:
            return tuple.__new__(kind, (wrap(y), wrap(at)))
    indices = where(x, dim, *args)
    values = pick(x, indices._a, dim, keepdim)
    return tuple.__new__(kind, (values, indices if keepdim else without(indices, dim)))


offer(globals(), rules="pick place")
nameless(globals())

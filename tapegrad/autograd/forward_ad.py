"""Forward mode by hand: tensors that carry a tangent. Source: torch.autograd.forward_ad."""

from __future__ import annotations

from typing import NamedTuple

from tapegrad._errors import describe, sizes
from tapegrad._state import recorded, watch
from tapegrad.dtypes import INEXACT
from tapegrad.levels import Level, outside
from tapegrad.storage.borders import dual, held, primal, tangent
from tapegrad.storage.dual import carries
from tapegrad.tensor import Tensor
from tapegrad.views import base_of, is_view


class _Levels:
    """The levels that were entered by hand, in every thread; torch has one at a time."""

    __slots__ = ("entered",)

    def __init__(self) -> None:
        self.entered: dict[int, Level] = {}


_levels = _Levels()


class UnpackedDualTensor(NamedTuple):
    """What `unpack_dual` returns: a tensor's value, and its tangent or None."""

    primal: Tensor
    tangent: Tensor | None


def _innermost() -> Level | None:
    """The level that was entered last in this thread."""
    mine = [x for x in watch().levels if x.id in _levels.entered]
    return mine[-1] if mine else None


def enter_dual_level() -> int:
    """Start a level of tangents; returns its number. Raises: RuntimeError if one runs already."""
    if _innermost() is not None:
        raise RuntimeError(
            "dual_level: a level runs already, and they do not nest; use torch.func.jvp for that."
        )
    level = Level()
    level.stays = True
    level.__enter__()
    _levels.entered[level.id] = level
    return level.id


def exit_dual_level(*, level: int | None = None) -> None:
    """End the level: tensors lose their tangents. Raises: RuntimeError if none runs, or not this one."""
    now = _innermost()
    if now is None or level not in (None, now.id):
        raise RuntimeError(f"exit_dual_level: level {level} does not run; enter_dual_level() starts one.")
    left = [t for t in list(now.born.values()) if _inside(t, now)]
    kept = [held(t, now) for t in left]
    del _levels.entered[now.id]
    now.__exit__()
    with recorded():
        for t, inner in zip(left, kept, strict=True):
            outer = primal(inner, now)
            t._a = outer._a
            if t._node is not None and t._node.op is not None:
                t._node = outer._node
    for t in left:  # a view's node is up to date
        if is_view(t):
            t._cold.seen = base_of(t)._node


def _inside(t: Tensor, level: Level) -> bool:
    """Whether t has a tangent of a level, or a graph inside of it."""
    return carries(t._a, level) or (t._node is not None and t._node.level == level.id)


class dual_level:
    """A block in which tensors can carry tangents. Source: torch.autograd.forward_ad.dual_level."""

    __slots__ = ("_number",)

    def __enter__(self) -> int:
        self._number = enter_dual_level()
        return self._number

    def __exit__(self, *_: object) -> None:
        exit_dual_level(level=self._number)


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """tensor with a tangent, of its shape and dtype.

    Raises: RuntimeError outside of a level, or for another shape or dtype; ValueError for integers.
    """
    now = _innermost()
    if now is None:
        raise RuntimeError("make_dual: no level runs; call it inside of `with forward_ad.dual_level():`.")
    for what, x in (("tensor", tensor), ("tangent", tangent)):
        if not isinstance(x, Tensor):
            raise TypeError(f"make_dual: {what} is {type(x).__name__}; a Tensor is needed.")
    if tensor._kind.kind not in INEXACT:
        raise ValueError(f"make_dual: tensor is {tensor.dtype}; a floating point tensor is needed.")
    if tangent._kind.kind not in INEXACT:
        raise ValueError(f"make_dual: tangent is {tangent.dtype}; a floating point tensor is needed.")
    if tensor._a.shape != tangent._a.shape or tensor._kind is not tangent._kind:
        raise RuntimeError(
            f"make_dual: tensor is {describe(tensor)} and tangent {describe(tangent)}; they must be alike."
        )
    if carries(tensor._a, now):
        raise RuntimeError(
            f"make_dual: this Tensor{sizes(tensor._a.shape)} has a tangent already; unpack_dual() it first."
        )
    if carries(tangent._a, now):
        raise RuntimeError(
            f"make_dual: the tangent{sizes(tangent._a.shape)} has a tangent itself; unpack_dual() it first."
        )
    given = [held(t, now) if _inside(t, now) else t for t in (tensor, tangent)]
    with outside(now):
        p, t = [primal(x, now) if _inside(x, now) else x for x in given]
        made = dual(p, t, now)
    now.born[id(made)] = made
    return made


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """(the value, the tangent), the tangent None if it has none."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"unpack_dual: {type(tensor).__name__} is given; a Tensor is needed.")
    now = _innermost()
    if now is None or not carries(tensor._a, now):
        return UnpackedDualTensor(tensor, None)
    inner = held(tensor, now)
    with outside(now):
        return UnpackedDualTensor(primal(inner, now), tangent(inner, now))

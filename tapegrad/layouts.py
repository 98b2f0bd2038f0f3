"""Tensors that changed their own shape in place (t_, squeeze_, ...): where their older views lie since."""

from __future__ import annotations

from typing import Any

from numpy import ndarray

from tapegrad._errors import sizes
from tapegrad.kernels.strided import geometry_of


class Pattern:
    """`op`: as_strided, by which a view is found again whose base has another shape than it was cut from;
    None until a tensor changes its shape in place for the first time, and all paths hold."""

    __slots__ = ("op",)

    def __init__(self) -> None:
        self.op: Any = None


pattern = Pattern()


def _place(a: Any) -> tuple[Any, ...]:
    """Which memory an array shows, and how."""
    return a.shape, a.strides, a.__array_interface__["data"][0] if a.size else 0


def _leads(base: Any, view: Any, path: Any) -> bool:
    """Whether the steps of a path still lead from the base to the view."""
    a = base
    for op, shape, args in path:
        if a.shape != shape or (op is pattern.op and args[-1] != geometry_of(a)):
            return False  # strides are read by the geometry that the base had
        try:
            a = op.view(a, *args)
        except (IndexError, ValueError):  # the base has other dimensions now than the view was cut from
            return False
    return _place(a) == _place(view)


def path_now(base: Any, view: Any, path: Any) -> Any:
    """The path from the base to a view as both lie in memory now: that which cut the view, or one by strides.

    base, view: their arrays. Raises: RuntimeError if they have different dtypes, which strides cannot tell.
    """
    if type(view) is not ndarray or type(base) is not ndarray or _leads(base, view, path):
        return path
    if base.dtype != view.dtype:
        raise RuntimeError(
            f"view: the base of this Tensor{sizes(view.shape)} changed its own shape in place (t_, squeeze_, "
            "...) and shows complex numbers as pairs; cut the view anew."
        )
    own = geometry_of(base)
    return ((pattern.op, base.shape, (*geometry_of(view), own)),)

"""Bases that changed their own shape in place (t_, squeeze_, ...): what that means for older views."""

from __future__ import annotations

from typing import Any

from numpy import ndarray

from tapegrad._errors import sizes

RELAYOUTS: set[Any] = set()  # the ops of such changes, once any was recorded


def _place(a: Any) -> tuple[Any, ...]:
    """Which memory an array shows, and how."""
    return a.shape, a.strides, a.__array_interface__["data"][0]


def written(view: Any, base: Any, path: Any, n: Any, seen: Any) -> bool:
    """Whether the base, whose node is n now, was written since it had the node that a view of it has seen,
    and did not only change its own shape.

    view, base: their arrays. path: how the view was cut.
    Raises: RuntimeError if the base did both: the path starts from the old shape.
    """
    while n is not seen and n is not None and n.op in RELAYOUTS:
        n = n.parents[0]
    if n is seen or type(view) is not ndarray or not view.size:
        return n is not seen
    a = base
    for op, shape, args in path:
        if a.shape != shape:
            break
        try:
            a = op.view(a, *args)
        except (IndexError, ValueError):  # the base has other dimensions now than the view was cut from
            break
    else:
        if _place(a) == _place(view):
            return True
    raise RuntimeError(
        f"view: the base of this Tensor{sizes(view.shape)} changed its own shape in place (t_, squeeze_, "
        "...) and was written since; cut the view anew."
    )

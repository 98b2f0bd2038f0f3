"""Drawing small things: choices, literals, indices, views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tapegrad

Shape = tuple[int, ...]


class Pick:
    """Random choices. below(n) is a number from 0 to n - 1, where 0 is the simplest."""

    def __init__(self, below: Callable[[int], int]) -> None:
        self.below = below

    def of(self, options: Sequence[Any]) -> Any:
        """One of them; the first is the simplest."""
        return options[self.below(len(options))] if len(options) > 1 else options[0]

    def rarely(self, n: int) -> bool:
        """True in one of n cases."""
        return self.below(n) == n - 1

    def axis(self, shape: Shape) -> int:
        """A dimension, now and then out of range."""
        n = len(shape)
        return self.below(2 * n) - n if n and not self.rarely(24) else self.below(3) - 1


def literal(a: Any, dtype: str, grad: str = "") -> str:
    """The expression that makes a tensor of these values. grad: ", requires_grad=True", or nothing."""
    if a.size == 0:
        return f"torch.zeros({a.shape}, dtype=torch.{dtype}{grad})"
    short = a.astype(str).astype("f8") if a.dtype.kind == "f" else a  # float32's 0.3, not 0.30000001192092896
    return f"torch.tensor({short.tolist()!r}, dtype=torch.{dtype}{grad})"


def index(pick: Pick, shape: Shape) -> str:
    """What stands between the brackets of x[...]: mostly basic, so that the result is a view."""
    n = shape[0] if shape else 0
    i = pick.below(max(n, 1)) if not pick.rarely(24) else 5
    step = 1 + pick.below(2)
    return str(
        pick.of(
            (
                str(i),
                f"{i}:",
                f"::{step}",
                f":{n - 1}",
                "..., 0",
                f":, {pick.below(3)}",
                "None",
                "...",
                "1:3, 0:2",
                f"{i - n}",
                "..., None",
                f"torch.tensor([{i}, 0])",
                f":, [0, {step}]",
                f"[{i}, {i}]",
            )
        )
    )


def _expanded(pick: Pick, shape: Shape) -> str:
    sizes = [pick.of((3, 2)) if n == 1 and not pick.rarely(4) else n for n in shape]
    more = [2] if not sizes or pick.rarely(2) else []
    return f".expand({', '.join(map(str, more + sizes))})"


def _regrouped(pick: Pick, shape: Shape) -> str:
    n = int(np.prod(shape))
    sizes = [(n,), (-1,), (1, n), (n, 1), (*shape, 1)]
    sizes += [(k, n // k) for k in (2, 3) if n % k == 0]
    return f".{pick.of(('view', 'reshape'))}({', '.join(map(str, pick.of(sizes)))})"


def _permuted(pick: Pick, shape: Shape) -> str:
    axes = list(range(len(shape)))
    return f".permute({[axes.pop(pick.below(len(axes))) for _ in shape]!r})"


def _part(pick: Pick, shape: Shape) -> tuple[int, int, int]:
    """A dimension, and where a part of it starts and how long it is."""
    d = pick.axis(shape)
    n = shape[d] if shape and -len(shape) <= d < len(shape) else 1
    start = pick.below(max(n, 1))
    return d, start, pick.below(max(n - start, 1)) + (n > 0)


_Text = Callable[[Pick, Shape], str]
# What follows the tensor, by method. Methods that are not there yet are left out.
_VIEWS: tuple[tuple[str, _Text], ...] = (
    ("__getitem__", lambda p, s: f"[{index(p, s)}]"),
    ("t", lambda p, s: ".t()" if len(s) < 3 else ".mT"),
    ("transpose", lambda p, s: f".transpose({p.axis(s)}, {p.axis(s)})"),
    ("permute", _permuted),
    ("view", _regrouped),
    ("flatten", lambda p, s: ".flatten()"),
    ("expand", _expanded),
    ("squeeze", lambda p, s: p.of((".squeeze()", f".squeeze({p.axis(s)})"))),
    ("unsqueeze", lambda p, s: f".unsqueeze({p.axis(s)})"),
    ("unbind", lambda p, s: f".unbind({p.axis(s)})"),
    ("split", lambda p, s: f".split({p.of((2, 1, [1, 2]))!r}, {p.axis(s)})"),
    ("chunk", lambda p, s: f".chunk({p.of((2, 3))}, {p.axis(s)})"),
    ("detach", lambda p, s: ".detach()"),
    ("data", lambda p, s: ".data"),
    ("T", lambda p, s: ".T"),
    ("contiguous", lambda p, s: ".contiguous()"),
    ("select", lambda p, s: ".select({}, {})".format(*_part(p, s))),
    ("narrow", lambda p, s: ".narrow({}, {}, {})".format(*_part(p, s))),
    ("movedim", lambda p, s: f".movedim({p.axis(s)}, {p.axis(s)})"),
    ("diagonal", lambda p, s: ".diagonal()"),
    ("unfold", lambda p, s: f".unfold({p.axis(s)}, 2, {p.of((2, 1))})"),
    ("as_strided", lambda p, s: f".as_strided((2, 2), ({p.of((2, 1))}, 1))"),
)
VIEWS: tuple[_Text, ...] = tuple([text for name, text in _VIEWS if hasattr(tapegrad.Tensor, name)])

"""float16 and bfloat16 are computed in float32, as torch's CPU kernels do, and each result is rounded once.

An op that computes (`Op.widens`) finds its narrow arrays here made float32, and its node is recorded as one
of a twin of the op, whose rule is run in float32 too. Kernels and rules therefore never meet narrow floats.
What only moves elements is left alone. The fast wrappers leave all this to `base.careful`.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from functools import partial
from typing import Any

import tapegrad.kernels as K
from tapegrad.dtypes import F4, NARROW
from tapegrad.kernels.errstate import nameless
from tapegrad.tape import Op


def kind_among(xs: Iterable[Any]) -> Any:
    """The NumPy dtype of the first narrow array or storage, or None if there is none."""
    for x in xs:
        kind = getattr(x, "dtype", None)  # inside transforms operands may be numbers
        if kind is not None and kind.char in NARROW:
            return kind
    return None


def widened(x: Any, F: Any = K) -> Any:
    """x, as float32 if it is narrow; a tuple or list of such."""
    if type(x) in (tuple, list):
        return type(x)([widened(v, F) for v in x])
    kind = getattr(x, "dtype", None)
    return F.cast(x, F4) if kind is not None and kind.char in NARROW else x


def rounded(x: Any, kind: Any, F: Any = K) -> Any:
    """x, in the narrow dtype if it is float32; a tuple or list of such."""
    if type(x) in (tuple, list):
        return type(x)([rounded(v, kind, F) for v in x])
    return F.cast(x, kind) if getattr(x, "dtype", None) is F4 else x


def in_float32(kernel: Any, kind: Any, *given: Any) -> Any:
    """kernel(*given) computed in float32, with results in the narrow dtype."""
    return rounded(kernel(*widened(given)), kind)


_twins: dict[tuple[Op, str], Op] = {}


def twin(op: Op, kind: Any) -> Op:
    """The op as it is recorded on narrow floats."""
    found = _twins.get((op, kind.char))
    if found is None:
        found = _twins.setdefault((op, kind.char), _make(op, kind))  # another thread may have been first
    return found


def _make(op: Op, kind: Any) -> Op:
    vjp, replay = op.vjp, op.replay

    def back(F: Any, g: Any, saved: Any, meta: Any, need: Any) -> Any:
        if F.records:  # each operation is one on narrow floats, but for 0-d ones beside a number in float32
            below = vjp(F, g, saved, meta, need)
            return [x if x is None or x._kind is kind else F.cast(x, kind) for x in below]
        return rounded(vjp(F, widened(g, F), widened(saved, F), meta, need), kind, F)

    made = copy(op)
    made.inner = None
    made.vjp = None if vjp is None else back
    made.replay = partial(in_float32, replay, kind)
    return made


nameless(globals())

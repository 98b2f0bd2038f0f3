"""Linear maps along the last axes, each by a table of what every result reads: see `kernels.resampling`."""

from __future__ import annotations

from typing import Any

import tapegrad.define.batching as B
from tapegrad.define import Function, linear
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.resampling import resampled


def resampling(key: str, title: str) -> Function:
    """An op that maps the last axes by one table each: call(input, tables). Its derivative is the op of the
    adjoint tables."""
    return linear(key, resampled, _adjoint, title=title, batch=B.same, widens=True)


def _adjoint(F: Any, g: Any, _: Any, tables: Any) -> Any:
    return F.apply(_back.op, g, tuple([None if t is None else t.adjoint() for t in tables]))


_back = resampling("resampling.back", "ResamplingBackward0")

nameless(globals())

"""IEEE results without NumPy's warnings, and without touching the user's `np.seterr` or warning filters.

torch returns nan and inf silently. NumPy warns, and `with np.errstate(...)` costs 2 us a use: more than a
small operation. Two cheaper ways:

`nameless` costs nothing. CPython drops warnings that C code raises from a function whose module has no name
(`__name__` is None, as late in its own shutdown), before it looks at any filter. The modules that compute on
arrays end with it.

`again` runs a kernel in a Context where NumPy's error handling is "ignore". It serves where NumPy raises
because the user has set np.seterr(all="raise"), and where NumPy's own Python code would warn.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import numpy as np

_QUIET = copy_context()
_QUIET.run(np.seterr, all="ignore")


def again(kernel: Callable[..., Any], *args: Any) -> Any:
    """kernel(*args) where NumPy neither warns nor raises."""
    return _QUIET.copy().run(kernel, *args)


def nameless(namespace: dict[str, Any]) -> None:
    """From here on NumPy's warnings from this module's functions are dropped. Call it with globals(),
    last."""
    namespace["__name__"] = None

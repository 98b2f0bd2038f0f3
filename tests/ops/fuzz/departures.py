"""Where random programs may depart from torch: what is seen, and why. A program ends there."""

from __future__ import annotations

import re
from typing import Any

from tests.ops.fuzz.known.common import Departure
from tests.ops.fuzz.known.refusals import REFUSED
from tests.ops.fuzz.known.results import DIFFERENT
from tests.ops.fuzz.known.torch_fails import FAILS

ON_PURPOSE: tuple[Departure, ...] = (*FAILS, *REFUSED, *DIFFERENT)

# Differences that are bugs, or not yet decided; each entry goes when its bug does.
OPEN: tuple[Departure, ...] = ()


def reason(what: str, program: str, found: str, run: Any) -> str:
    """Why a difference may be there; "" if it may not."""
    for d in (*ON_PURPOSE, *OPEN):
        known = (
            re.fullmatch(d.what, what)
            and re.search(d.program, program, re.S)
            and re.search(d.found, found, re.S)
        )
        if known and d.when(run):
            return d.reason
    return ""

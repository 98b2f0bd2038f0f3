"""What the tables of known differences share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.ops.fuzz import choices


class Departure(NamedTuple):
    """One known difference.

    reason: why it is there. what: of running.Difference. program, found: regular expressions found in the
    statements so far, the last of which begins with ">>> ", and in both errors with the difference
    ("ours ... torch ... value: ..."). when: what else must hold, asked of the run.
    """

    reason: str
    what: str
    program: str
    found: str
    when: Callable[[Any], bool] = lambda run: True


TIES = "|".join(choices.CHOOSING)
NOT_DIFFERENTIATED = "derivative for 'inplace version of a(cosh|sinh|tanh)'"
RELAID = r"(squeeze|unsqueeze|t|transpose|swapaxes|swapdims|as_strided)_'?\]?(\.how)?\("
KEPT = r"output 0 of (Elu1|Celu1|RreluWithNoise1)"  # of what writes
WRITE = r">>> .*(\] = |index_put)"
STALE = "ours None torch .*modified by an inplace"
TWICE = "ours None torch .*through the graph a second time"
NO_GRAPH = "{'requires_grad': False, 'is_leaf': True, 'graph': False"
RELAYOUT = "(t|transpose|swapaxes|swapdims|squeeze|unsqueeze|as_strided)_"
SEVERAL = "split|chunk|unbind|iter|(std|var)_mean|aminmax|histogram"
# Where torch changes its loop at nan.
BROKEN = "hardshrink|softshrink|hardtanh|relu6|hardswish|elu|celu|selu|logit"
WRITES = r"(_\(|_'\]\.how|\] = )"  # a write in place
LEAVES = r"(detach_\(\)|requires_grad_\(False\))"
HOOKED = "|".join(
    [
        r"= (\S+)\.register_hook.*(\b\1\.\w+_\(|operator\.i\w+\(\1\b)",
        r"(no_grad|detach).*hook.*(_\(|\] = )",
        rf"hook.*(no_grad|detach|data).*{WRITES}",
        rf"(no_grad|detach|data).*{WRITES}.*hook",
        rf"hook.*{RELAID}",
    ]
)
WRITTEN = rf"(no_grad|detach|data).*({WRITES}|\bi\w+\().*>>> .*autograd\.grad"

"""Machine code for the pointwise ops: what their expressions say, in the place of their NumPy kernels.

Loaded when the native tier wakes up. Small arrays keep their kernels; a look at the size, in machine code, is
all that they pay. Of an op's derivatives each becomes one pass over memory; NumPy takes one per operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy import ndarray

import tapegrad.kernels as K
from tapegrad.define.base import EQUAL, OPS
from tapegrad.define.wrappers import NAMES
from tapegrad.native import expressions, pointwise
from tapegrad.tape import Op

# Elements from which machine code is faster, measured on two cores of an AMD Zen 3: NumPy's own loops are as
# fast for sums and products until a second thread helps.
LEAST = 1 << 16
LEAST_HEAVY = 1 << 13
LEAST_BACKWARD = 1 << 14

# Where an op's `ir` says what it computes, and not how to do it in floating point.
FORWARD = {
    "expm1": "expm1(a)",
    "log1p": "log1p(a)",
    "sigmoid": "sigmoid(a)",
    "rsqrt": "rsqrt(a)",
    "sign": "sign(a)",
    "clamp.from": "max(b, a)",  # of two zeros the processor takes the second
    "clamp.to": "min(b, a)",
    "clamp_min.tensor": "max(b, a)",
    "clamp_max.tensor": "min(b, a)",
}
# Their kernels treat signs, nan or far values in another way than their expressions say.
_NEVER = {"div.floor", "entr", "erfc", "erfcx", "erfinv", "floor_divide", "fmod", "fmod.1", "frexp"}
_NEVER |= {"frexp.exponent", "hypot", "lerp", "log_ndtr", "logaddexp", "ndtr", "remainder", "sinc"}
_NEVER |= {f"{name}{variant}" for name in ("xlogy", "xlog1py") for variant in ("", ".1", ".2")}


def install() -> None:
    """Let machine code stand in for every pointwise op that has an expression."""
    for key, op in OPS.items():
        if op.kind != "elementwise" or not op.ir or key in _NEVER or key.startswith("bitwise"):
            continue
        _install_forward(key, op)
        if op.vjp is not None and all(isinstance(rule, str) for rule in op.rules):
            op.vjp = _backward(op, op.vjp)


def _install_forward(key: str, op: Op) -> None:
    text = FORWARD.get(key, op.ir)
    names = operands(key, op)
    fast = pointwise.Pointwise(op.name, text, names)
    least = LEAST_HEAVY if pointwise.is_heavy(text) else LEAST

    def replaced(kernel: Any) -> Any:
        def large(*xs: Any) -> Any:
            y = fast(*xs) if all(type(x) is ndarray for x in xs) else None
            return kernel(*xs) if y is None else y

        return pointwise.dispatch(kernel, large, least)

    for call in (op.call, getattr(op.call, "operator", None)):
        for name, cell in zip(*_cells(call), strict=True):
            if name == "kernel":
                cell.cell_contents = replaced(cell.cell_contents)
    op.forward = replaced(op.forward)


def _cells(call: Any) -> tuple[Sequence[str], Sequence[Any]]:
    code = getattr(call, "__code__", None)
    return (code.co_freevars, call.__closure__) if code is not None and call.__closure__ else ((), ())


def _arity(text: str) -> int:
    return max(("abc".index(c) + 1 for c in "abc" if expressions.names(text) & {c}), default=1)


def _backward(op: Op, plainly: Any) -> Any:
    """The op's vjp, with one kernel per cotangent of large arrays."""
    rules: list[Any] = []
    for rule in op.rules:
        reads = [n for n in ("g", *NAMES) if n in expressions.names(rule)]
        rules.append(None if rule == "g" else (pointwise.Pointwise(f"{op.name}_d", rule, reads), reads))
    names = NAMES[: len(rules) + 1]

    def vjp(F: Any, g: Any, saved: Any, meta: Any, need: Any) -> Any:
        if F is not K or type(g) is not ndarray or g.size < LEAST_BACKWARD:
            return plainly(F, g, saved, meta, need)
        values = {"g": g, **dict(zip(names, saved, strict=False))}
        found = []
        for rule, wanted in zip(rules, need, strict=True):
            x = g
            if wanted is not None and rule is not None:
                x = _computed(rule[0], rule[1], values)
                if x is None:
                    return plainly(F, g, saved, meta, need)
            found.append(None if wanted is None else x)
        if meta is EQUAL or len(found) == 1:
            return found
        shapes = meta if meta is not None else [v.shape for v in saved[1:]]
        return [None if x is None else K.sum_to(x, s) for x, s in zip(found, shapes, strict=True)]

    vjp.plainly = plainly  # type: ignore[attr-defined] # for those who look
    return vjp


def _computed(fast: pointwise.Pointwise, reads: Sequence[str], values: dict[str, Any]) -> Any:
    """A rule's result, or None if it has no machine code or its operands are no plain arrays."""
    if not fast.possible:
        return None
    xs = [values[n] for n in reads]
    return fast(*xs) if all(type(x) is ndarray for x in xs) else None


def operands(key: str, op: Op) -> Sequence[str]:
    """The names of the op's operands in its expression."""
    return NAMES[1 : 1 + max(len(op.rules), _arity(FORWARD.get(key, op.ir)))]

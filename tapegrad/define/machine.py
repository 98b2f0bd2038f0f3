"""Machine code for the pointwise ops: what their expressions say, in the place of their NumPy kernels.

Loaded when the native tier wakes up. Small arrays keep their kernels; a look at the size, in machine code, is
all that they pay. Of an op's derivatives each becomes one pass over memory; NumPy takes one per operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels as K
from tapegrad.define.base import OPS
from tapegrad.define.wrappers import NAMES, write_vjp
from tapegrad.kernels.errstate import nameless
from tapegrad.native import expressions, pointwise, small
from tapegrad.tape import Op

ROOT_HALF = 0.7071067811865476
ROOT_2_OVER_PI = 0.7978845608028654

# Elements from which machine code is faster, measured on two cores of an AMD Zen 3: NumPy's own loops are as
# fast for sums and products until a second thread helps; functions take half as long with one thread, too.
LEAST = 1 << 16
LEAST_HEAVY = 1 << 14
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
    "clamp.tensors": "min(c, max(b, a))",
    "clamp_min.tensor": "max(b, a)",
    "clamp_max.tensor": "min(b, a)",
}
# Their kernels treat signs, nan or far values in another way than their expressions say.
_NEVER = {"div.floor", "entr", "erfc", "erfcx", "erfinv", "floor_divide", "fmod", "fmod.1", "frexp"}
_NEVER |= {"frexp.exponent", "hypot", "lerp", "log_ndtr", "logaddexp", "ndtr", "remainder", "sinc"}
_NEVER |= {f"{name}{variant}" for name in ("xlogy", "xlog1py") for variant in ("", ".1", ".2")}


# What the kernels of ops with arguments compute, as functions of F, the operands and the arguments.
COMPUTED: dict[str, Any] = {
    "gelu": lambda F, x: x * (F.erf(x * ROOT_HALF) * 0.5 + 0.5),
    "gelu.tanh": lambda F, x: x * 0.5 * (F.tanh((x + x * x * x * 0.044715) * ROOT_2_OVER_PI) + 1),
    "silu": lambda F, x: x * F.sigmoid(x),
    "mish": lambda F, x: x * F.tanh(F.log1p(F.exp(x))),
    "softplus": lambda F, x, beta, limit: F.where(x * beta > limit, x, F.log1p(F.exp(x * beta)) / beta),
    "log_sigmoid": lambda F, x: F.min(x, 0.0) - F.log1p(F.exp(-F.abs(x))),
    "hardsigmoid": lambda F, x: F.min(F.max(0.0, x + 3), 6.0) / 6,
    "hardswish": lambda F, x: x * F.min(F.max(0.0, x + 3), 6.0) / 6,
    "leaky_relu": lambda F, x, slope: F.where(x > 0, x, x * slope),
    "elu": lambda F, x, alpha, scale, slope: F.where(x <= 0, F.expm1(x * slope) * (alpha * scale), x * scale),
    "hardtanh": lambda F, x, low, high: F.where(x > high, high, F.where(x < low, low, x)),
    "hardshrink": lambda F, x, limit: F.where(F.abs(x) <= limit, 0.0, x),
    "softshrink": lambda F, x, limit: F.where(x > limit, x - limit, F.where(x < -limit, x + limit, x * 0)),
    "threshold": lambda F, x, limit, value: F.where(x <= limit, value, x),
    "pow.to_number": lambda F, x, n: F.power(x, n),
    "clamp": lambda F, x, low, high: _between(F, x, low, high),
    "clamp_min": lambda F, x, low, high: _between(F, x, low, high),
    "clamp_max": lambda F, x, low, high: _between(F, x, low, high),
    "where": lambda F, mask, a, b: F.where(mask, a, b),
    "masked_fill": lambda F, x, mask, value: F.where(mask, value, x),
}
COMPUTED["celu"] = COMPUTED["selu"] = COMPUTED["elu"]
_IN_PLACE = ("celu", "elu", "leaky_relu", "selu", "threshold")
COMPUTED.update({f"{name}.in_place": COMPUTED[name] for name in _IN_PLACE})


def _between(F: Any, x: Any, low: Any, high: Any) -> Any:
    if low is not None:
        x = F.max(low, x)
    return x if high is None else F.min(high, x)


_installed: set[str] = set()


def install(large: bool) -> None:
    """Let machine code stand in for the pointwise ops that have an expression. Unless `large`, only where it
    does small arrays good and changes no bit."""
    expressions.FUNCTIONS.update(COMPUTED)
    for key, op in list(OPS.items()):
        if op.kind != "elementwise" or key in _NEVER or key.startswith("bitwise"):
            continue
        expression = COMPUTED.get(key) or FORWARD.get(key, op.ir)
        if _due(key, [expression], large) and _is_known(expression):
            _install_forward(op, pointwise.Pointwise(op.name, expression, operands(key, op)))
        if op.vjp is not None and _due(f"{key} backward", op.rules, large):
            _install_backward(op)


def _due(what: str, parts: Sequence[Any], large: bool) -> bool:
    """Whether expressions get their machine code now: once, and those that are not light when all do."""
    if what in _installed or not (large or all(_is_light(x) for x in parts)):
        return False
    _installed.add(what)
    return True


def _is_light(expression: Any) -> bool:
    return type(expression) is str and expressions.functions(expression) <= expressions.LIGHT


def _is_known(expression: Any) -> bool:
    """Whether there can be machine code for it."""
    if type(expression) is str:
        return expression != "" and expressions.functions(expression) <= expressions.KNOWN
    return callable(expression)


def _install_forward(op: Op, fast: pointwise.Pointwise) -> None:
    least = LEAST if _is_light(fast.expression) else LEAST_HEAVY
    for call in (op.call, getattr(op.call, "operator", None)):
        for name, cell in zip(*_cells(call), strict=True):
            if name == "kernel":
                cell.cell_contents = _replaced(fast, cell.cell_contents, least)
        if (written := getattr(call, "__globals__", {})).get("op") is op:  # see define.wrappers
            written["kernel"] = _replaced(fast, written["kernel"], least)
    op.forward = _replaced(fast, op.forward, least)


def _install_backward(op: Op) -> None:
    if all(isinstance(rule, str) for rule in op.rules):
        op.vjp = _backward(op, op.vjp)
    elif len(op.rules) == 1 and callable(op.rules[0]) and op.reads:
        op.vjp = _backward_with_arguments(op, op.vjp)


def _cells(call: Any) -> tuple[Sequence[str], Sequence[Any]]:
    code = getattr(call, "__code__", None)
    return (code.co_freevars, call.__closure__) if code is not None and call.__closure__ else ((), ())


def operands(key: str, op: Op) -> Sequence[str]:
    """The names of the op's operands in its expression."""
    if key in COMPUTED:
        return NAMES[1 : 1 + len(op.rules)]
    used = expressions.names(FORWARD.get(key, op.ir))
    last = max(("abc".index(c) + 1 for c in "abc" if c in used), default=1)
    return NAMES[1 : 1 + max(len(op.rules), last)]


def _backward(op: Op, plainly: Any) -> Any:
    """The op's vjp, with one function per cotangent that has machine code."""
    kernels, calls = {}, []
    for k, rule in enumerate(op.rules):
        if rule == "g" or not _is_known(rule):
            calls.append(rule)
            continue
        reads = [n for n in ("g", *NAMES) if n in expressions.names(rule)]
        fast = pointwise.Pointwise(f"{op.name}_d{k}", rule, reads)
        kernels[f"k{k}"] = _replaced(fast, _numpys(rule, reads), LEAST_BACKWARD)
        calls.append(f"k{k}({', '.join(reads)})")
    if not kernels:
        return plainly
    vjp = write_vjp(op, calls, broadcast=True, otherwise=plainly, **kernels)
    vjp.rules = kernels  # for those who look
    return vjp


def _numpys(rule: str, reads: Sequence[str]) -> Any:
    """A rule as a function of arrays."""
    namespace = {"F": K, "__name__": None}  # see kernels.errstate.nameless
    return eval(f"lambda {', '.join(reads)}: {rule}", namespace)  # the text is an op's own definition


def _replaced(fast: pointwise.Pointwise, kernel: Any, least: int) -> Any:
    """`kernel`, for which machine code stands in where it takes the operands."""
    n = len(fast.names)

    def large(*xs: Any) -> Any:
        try:
            y = fast(*xs[:n], args=xs[n:]) if len(xs) >= n else None
        except (TypeError, ValueError):  # an argument that is no number, shapes that do not fit
            y = None
        return kernel(*xs) if y is None else y

    return small.dispatch(fast, kernel, large, least)


def _backward_with_arguments(op: Op, plainly: Any) -> Any:
    """The same for the one rule of an op with arguments, which is a function."""
    rule, places = op.rules[0], op.reads[0]
    n, shapes = len(places), ((),) * len(op.meta((np.empty(0),), ()))  # which not every rule gets
    names = ("g", *[NAMES[k] for k in places])
    fast = pointwise.Pointwise(f"{op.name}_d", lambda F, g, *xs: rule(F, g, *xs[:n], *shapes, *xs[n:]), names)

    def vjp(F: Any, g: Any, saved: Any, meta: Any, need: Any) -> Any:
        if F is K and type(g) is ndarray and g.size >= LEAST_BACKWARD and need[0] is not None:
            try:
                x = fast(g, *[saved[k] for k in places], args=tuple(meta[len(shapes) :]))
            except TypeError:  # an argument that is no number
                x = None
            if x is not None:
                return (x,)
        return plainly(F, g, saved, meta, need)

    return vjp


nameless(globals())

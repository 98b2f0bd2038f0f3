"""Machine code for the pointwise ops: what their expressions say, in the place of their NumPy kernels.

Loaded when the native tier wakes up. Small arrays keep their kernels; a look at the size, in machine code, is
all that they pay. Of an op's derivatives each becomes one pass over memory; NumPy takes one per operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

import tapegrad.kernels as K
import tapegrad.kernels.pointwise as P
from tapegrad import sums
from tapegrad.define.base import OPS
from tapegrad.define.elementwise import shapes_of
from tapegrad.define.wrappers import NAMES, write_vjp
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.shape import copied
from tapegrad.native import choice, expressions, pointwise, small
from tapegrad.tape import Op

# Elements from which machine code is faster, measured on two cores of an AMD Zen 3: NumPy's own loops are as
# fast for sums and products until a second thread helps; functions take half as long with one thread, too.
LEAST = 1 << 17
LEAST_HEAVY = 1 << 14
LEAST_BACKWARD = 1 << 14

_installed: set[str] = set()
_sum = pointwise.Pointwise("sum", "a + b", "ab")
_choice = pointwise.Pointwise("choice", "c ? a : b", "abc")


def install(large: bool) -> None:
    """Let machine code stand in for the pointwise ops that have an expression. Unless `large`, only where it
    does small arrays good and changes no bit."""
    for key, op in list(OPS.items()):
        if op.kind != "elementwise":
            continue
        if _due(key, [op.ir], large) and _is_known(op.ir):
            _install_forward(op, pointwise.Pointwise(op.name, op.ir, operands(op)))
        if op.vjp is not None and _due(f"{key} backward", op.rules, large):
            _install_backward(op)
    if large:
        choice.install()  # the sums of cotangents below


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


def _cells(call: Any) -> tuple[Sequence[str], Sequence[Any]]:
    code = getattr(call, "__code__", None)
    return (code.co_freevars, call.__closure__) if code is not None and call.__closure__ else ((), ())


def operands(op: Op) -> Sequence[str]:
    """The names of the op's operands in its expression."""
    used = expressions.names(op.ir) if type(op.ir) is str else ()
    last = max(("abc".index(c) + 1 for c in "abc" if c in used), default=1)
    return NAMES[1 : 1 + max(len(op.rules), last)]


def _install_backward(op: Op) -> None:
    """Let the op's vjp call one function per cotangent that has machine code."""
    kernels, calls = {}, []
    texts = op.meta is shapes_of
    for k, rule in enumerate(op.rules):
        found = _of_text(rule) if type(rule) is str else None if texts else _of_function(op, k)
        if found is None:
            calls.append(rule)
            continue
        reads, more, expression, kernel, skipped = found
        fast = pointwise.Pointwise(f"{op.name}_d{k}", expression, reads)
        kernels[f"k{k}"] = _replaced(fast, kernel, LEAST_BACKWARD, skipped)
        call = f"k{k}({', '.join(reads)}{more})"
        calls.append(call if texts or len(op.rules) == 1 else f"F.sum_to({call}, meta[0][{k}])")
    if kernels:
        op.vjp = write_vjp(op, calls, broadcast=texts, meta=not texts, otherwise=op.vjp, **kernels)
        op.vjp.rules = kernels  # for those who look


def _of_text(rule: str) -> Any:
    """(the names of what a rule reads, of what else it gets, its expression, the rule as a function of
    arrays, how much of what else is no argument); None if it needs no machine code."""
    if rule == "g" or not _is_known(rule):
        return None
    reads = [n for n in ("g", *NAMES) if n in expressions.names(rule)]
    namespace = {"F": K, "__name__": None}  # see kernels.errstate.nameless
    return reads, "", rule, eval(f"lambda {', '.join(reads)}: {rule}", namespace), 0  # it is an op's own text


def _of_function(op: Op, k: int) -> Any:
    """The same of a rule of an op with arguments. What several operands broadcast is summed elsewhere."""
    rule, inputs = op.rules[k], len(op.rules)
    meta = op.meta((np.empty(0),) * inputs, ())  # the shapes, which not every rule gets
    if rule is None or inputs >= len(NAMES) or len(meta) > 1:
        return None
    places = op.reads[k] if op.reads else ()
    n, shapes = len(places), ((None,) * inputs,) * len(meta)
    reads = ["g", *[NAMES[k] for k in places]]

    def expression(F: Any, g: Any, *xs: Any) -> Any:
        return rule(F, g, *xs[:n], *shapes, *xs[n:])

    return reads, ", *meta", expression, partial(rule, K), len(meta)


def _number(x: Any, like: Any) -> Any:
    """What an array without dimensions holds, if its dtype is the operand's; anything else as it is."""
    return x.item() if type(x) is np.ndarray and not x.ndim and x.dtype is like.dtype else x


def _replaced(fast: pointwise.Pointwise, kernel: Any, least: int, skipped: int = 0) -> Any:
    """`kernel`, for which machine code stands in where it takes the operands. skipped: how many values
    between the operands and the arguments it does not get."""
    n = len(fast.names)

    def large(*xs: Any) -> Any:
        args = tuple([_number(x, xs[0]) for x in xs[n + skipped :]])
        try:
            y = fast(*xs[:n], args=args) if len(xs) >= n else None
        except (TypeError, ValueError):  # an argument that is no number, shapes that do not fit
            y = None
        return kernel(*xs) if y is None else y

    return small.dispatch(fast, kernel, large, least)


@choice.over(P.where)
def where(body: Any, condition: Any, a: Any, b: Any) -> Any:
    """a where the condition holds, else b."""
    if type(condition) is not np.ndarray or condition.size < LEAST_BACKWARD:
        return body(condition, a, b)
    kind = getattr(b if type(a) in (int, float) else a, "dtype", None)
    y = _choice(*[P.constant(x, kind) if type(x) in (int, float) else x for x in (a, b)], condition)
    return body(condition, a, b) if y is None else y


@choice.over(sums.added)
def added(body: Any, own: Any, g: Any) -> Any:
    """own + g, in the memory of own."""
    large = type(own) is np.ndarray and own.size >= LEAST and type(g) is np.ndarray
    if large and own.flags.c_contiguous and (_sum.into(own, own, g) or _sum.into(own, own, copied(g))):
        return own
    return body(own, g)


@choice.over(sums.total)
def total(body: Any, a: Any, b: Any) -> Any:
    """a + b, of cotangents."""
    y = _sum(a, b) if type(a) is np.ndarray and a.size >= LEAST else None
    return body(a, b) if y is None else y


nameless(globals())

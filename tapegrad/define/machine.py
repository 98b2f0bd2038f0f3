"""Machine code for the pointwise ops: what their expressions say, in the place of their NumPy kernels.

Loaded when the native tier wakes up. Small arrays keep their kernels; a look at the size, in machine code, is
all that they pay. Of an op's derivatives each becomes one pass over memory; NumPy takes one per operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib import import_module
from threading import RLock
from types import FunctionType
from typing import Any

import numpy as np

import tapegrad.kernels as K
import tapegrad.kernels.pointwise as P
import tapegrad.kernels.writers as W
from tapegrad import sums
from tapegrad.define.base import OPS
from tapegrad.define.elementwise import shapes_of
from tapegrad.define.wrappers import NAMES, write_vjp
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.shape import copied
from tapegrad.native import choice, expressions, pointwise, small
from tapegrad.tape import Op

# Elements from which machine code is faster where operands are not plain (of plain ones from 256 on, see
# `native.small`), measured on two cores of an AMD Zen 3: NumPy's own loops are as fast for sums and products
# until a second thread helps; functions and choices take half as long with one thread, too.
LEAST = 1 << 17
LEAST_HEAVY = 1 << 14
LEAST_BACKWARD = 1 << 14

Place = tuple[Any, str]  # a dictionary and a key of it, or an object and an attribute
_installed: set[str] = set()
_promised: dict[str, Callable[[], None]] = {}
_state = {"large": False}
_lock = RLock()
_sum = pointwise.Pointwise("sum", "a + b", "ab")
_choice = pointwise.Pointwise("choice", "c ? a : b", "abc")


def install(large: bool) -> None:
    """Let machine code stand in for the pointwise ops that have an expression, for each when it is first
    called: most programs use few. Unless `large`, only where it does small arrays good and changes no bit."""
    with _lock:
        _state["large"] |= large
        for key, op in list(OPS.items()):
            if op.kind != "elementwise":
                continue
            if op.ir and key not in _promised and key not in _installed:
                _promise_forward(key, op)
            back = f"{key} backward"
            if op.vjp is not None and back not in _promised and back not in _installed:
                _promise_backward(back, op)
    if large:
        choice.install()  # the sums of cotangents below
        import_module("tapegrad.define.fusing")


def settle() -> None:
    """Do now what was put off until ops are called."""
    for keep in list(_promised.values()):
        keep()


def _due(what: str, op: Op, parts: Sequence[Any]) -> bool:
    """Whether an op's expressions get their machine code now: all do once there was a large array, until then
    those whose bits are NumPy's, and those of ops that have it from the first call on."""
    if not (_state["large"] or op.at_once or all(_has_numpys_bits(x) for x in parts)):
        return False
    _installed.add(what)
    return True


def _promise(
    what: str, op: Op, places: Sequence[Place], put: Callable[[Any], Any], parts: Sequence[Any]
) -> None:
    """Let what stands in the places, when it is first called, be replaced by what `put` makes of it."""
    before = [_found(place) for place in places]

    def keep() -> None:
        with _lock:
            if _promised.pop(what, None) is not None:  # no other thread did it meanwhile
                due = _due(what, op, parts)
                for place, f in zip(places, before, strict=True):
                    _set(place, put(f) if due else f)

    _promised[what] = keep
    for place in places:
        _set(place, _first(keep, place))


def _first(keep: Callable[[], None], place: Place) -> Any:
    def first(*args: Any) -> Any:
        keep()
        return _found(place)(*args)

    return first


def _found(place: Place) -> Any:
    holder, name = place
    return holder[name] if type(holder) is dict else getattr(holder, name)


def _set(place: Place, f: Any) -> None:
    holder, name = place
    if type(holder) is dict:
        holder[name] = f
    else:
        setattr(holder, name, f)


def _is_light(expression: Any) -> bool:
    return type(expression) is str and expressions.functions(expression) <= expressions.LIGHT


def _has_numpys_bits(expression: Any) -> bool:
    return type(expression) is str and expressions.functions(expression) <= expressions.SAME


def _is_quick(expression: Any) -> bool:
    """Whether NumPy's loops take no longer than memory: it is light, without choices or several truths."""
    if not _is_light(expression) or all(any(c in expression for c in some) for some in ("&|^", "<>=")):
        return False
    return not expressions.functions(expression) & {"where", "sign", "copysign"}


def _is_known(expression: Any) -> bool:
    """Whether there can be machine code for it."""
    if type(expression) is str:
        return expression != "" and expressions.functions(expression) <= expressions.KNOWN
    return callable(expression)


def _promise_forward(key: str, op: Op) -> None:
    """Put off the machine code of an op's kernel, which its wrappers have, too."""
    places: list[Place] = [(op, "forward")]
    for call in (op.call, getattr(op.call, "operator", None)):
        cells = zip(*_cells(call), strict=True)
        places += [(cell, "cell_contents") for name, cell in cells if name == "kernel"]
        if (written := getattr(call, "__globals__", {})).get("op") is op:  # see define.wrappers
            places.append((written, "kernel"))
    _promise(key, op, places, partial(_forward_of, op), [op.ir])


@cache
def _pointwise_of(op: Op) -> Any:
    """The op's expression in machine code, and from how many elements on; None if there can be none."""
    if not _is_known(op.ir):
        return None
    fast = pointwise.Pointwise(op.name, op.ir, operands(op))
    return fast, LEAST if _is_quick(fast.expression) else LEAST_HEAVY


def _forward_of(op: Op, kernel: Any) -> Any:
    made, kernel = _pointwise_of(op), getattr(kernel, "behind", kernel)
    return kernel if made is None else _replaced(op, made[0], kernel, made[1])


def _cells(call: Any) -> tuple[Sequence[str], Sequence[Any]]:
    code = getattr(call, "__code__", None)
    return (code.co_freevars, call.__closure__) if code is not None and call.__closure__ else ((), ())


def operands(op: Op) -> Sequence[str]:
    """The names of the op's operands in its expression."""
    used = expressions.names(op.ir) if type(op.ir) is str else ()
    last = max(("abc".index(c) + 1 for c in "abc" if c in used), default=1)
    return NAMES[1 : 1 + max(len(op.rules), last)]


def _promise_backward(what: str, op: Op) -> None:
    _promise(what, op, [(op, "vjp")], partial(backward_of, op), op.rules)


def backward_of(op: Op, vjp: Any) -> Any:
    """The op's vjp with one function per cotangent that has machine code."""
    kernels, calls = {}, []
    texts = op.meta is shapes_of
    for k, rule in enumerate(op.rules):
        found = _of_text(rule) if type(rule) is str else None if texts else _of_function(op, k)
        if found is None:
            calls.append(rule)
            continue
        reads, more, expression, kernel, skipped = found
        fast = pointwise.Pointwise(f"{op.name}_d{k}", expression, reads)
        kernels[f"k{k}"] = _replaced(op, fast, kernel, LEAST_BACKWARD, skipped)
        call = f"k{k}({', '.join(reads)}{more})"
        calls.append(call if texts or len(op.rules) == 1 else f"F.sum_to({call}, meta[0][{k}])")
    if kernels:
        vjp = write_vjp(op, calls, broadcast=texts, meta=not texts, otherwise=vjp, **kernels)
        vjp.rules = kernels  # for those who look
    return vjp


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


def _replaced(op: Op, fast: pointwise.Pointwise, kernel: Any, least: int, skipped: int = 0) -> Any:
    """`kernel`, for which machine code stands in where it takes the operands. skipped: how many values
    between the operands and the arguments it does not get."""
    n = len(fast.names)

    def large(*xs: Any) -> Any:
        args = tuple([_number(x, xs[0]) for x in xs[n + skipped :]]) if len(xs) > n else ()
        try:
            y = fast(*xs[:n], args=args) if len(xs) >= n else None
        except (TypeError, ValueError):  # an argument that is no number, shapes that do not fit
            y = None
        return kernel(*xs) if y is None else y if y.ndim else y[()]

    return small.dispatch(fast, kernel, large, least, op.at_once)


@choice.over(P.where)
def where(body: Any, condition: Any, a: Any, b: Any) -> Any:
    """a where the condition holds, else b."""
    known = a if type(a) is np.ndarray else b
    largest = known if type(condition) is not np.ndarray or condition.size < LEAST_BACKWARD else condition
    if type(known) is np.ndarray and largest.size >= LEAST_BACKWARD:
        pair = [P.constant(x, known.dtype) if type(x) in (int, float) else x for x in (a, b)]
        chosen = np.asarray(condition)  # of a number's comparison it is none
        if all(type(x) is np.ndarray for x in pair) and (y := _choice(*pair, chosen)) is not None:
            return y
    return body(condition, a, b)


@cache
def _written_by(writer: Any) -> Any:
    """What stands in for the writer of an in-place form, and from how many elements on; None if nothing
    does."""
    name = _WRITERS.get(writer)
    same = (op for key, op in OPS.items() if key == name or getattr(op.call, "ufunc", None) is writer)
    made = _pointwise_of(op) if (op := next(same, None)) is not None else None
    if made is not None and writer is W.clamp:  # NumPy's minimum of an array and a number is a slow loop
        return made[0], W.LARGE
    return made


_WRITERS = {W.add: "add", W.subtract: "sub", W.neg: "neg", W.relu: "relu", W.clamp: "clamp.tensors"}


@choice.over(W.write)
def write(body: Any, writer: Any, x: Any, ys: Any) -> None:
    """writer(x, *ys), put into x."""
    made = _written_by(writer) if isinstance(writer, (np.ufunc, FunctionType)) else None
    if made is None or x.size < made[1] or len(ys) != len(made[0].names) - 1 or not made[0].into(x, x, *ys):
        body(writer, x, ys)


@choice.over(sums.added)
def added(body: Any, own: Any, g: Any) -> Any:
    """own + g, in the memory of own."""
    if type(own) is not np.ndarray or own.size < LEAST or type(g) is not np.ndarray:
        return body(own, g)
    turned = own.flags.c_contiguous and not g.flags.c_contiguous and own.dtype.char in "fd"
    if _sum.into(own, own, g) or (turned and _sum.into(own, own, copied(g))):
        return own
    return body(own, g)


@choice.over(sums.total)
def total(body: Any, a: Any, b: Any) -> Any:
    """a + b, of cotangents."""
    y = _sum(a, b) if type(a) is np.ndarray and a.size >= LEAST else None
    return body(a, b) if y is None else y


nameless(globals())

"""Wrappers written per op: the call of an op with n array inputs, as a function of exactly n arguments.

A general call(*tensors, *args), with loops over its inputs, costs 4 us; the function that is written here for
three inputs costs 1. What is saved is decided by conditions that are written out, from `op.reads`. The other
arguments have names, too, where the kernel says how many there are: to hand on a star takes as long as to
add 10 numbers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from inspect import CO_VARARGS, CO_VARKEYWORDS
from keyword import kwlist
from linecache import cache
from types import FunctionType
from typing import Any

from numpy import ndarray

import tapegrad.kernels as K
from tapegrad._state import grad_enabled, special
from tapegrad.define.base import EQUAL, careful, severed, trace_of
from tapegrad.dtypes import F4, NARROW
from tapegrad.kernels.errstate import again
from tapegrad.tape import Op, record
from tapegrad.tensor import blank, wrap
from tapegrad.views import Cold, attend, box, view_of

_CALL = """\
def {name}({parameters}):
    if special.alert and attend({inputs}):
        return careful(op, ({inputs},), {args})
{widening}{loads}
    try:
        y = kernel({arrays})
    except (FloatingPointError, TypeError):
        return careful(op, ({inputs},), {args})
    t = blank()
    t._a = y
    t._kind = y.dtype
    t._cold = None
{nodes}
    if ({nobody}) or (special.threads and not grad_enabled()):
        t._node = None
    else:
        t._node = record(op, ({parents}), {saved}, {meta}, trace_of(y, {traced}))
    return t
"""

_WIDENING = """\
    if a0._kind is not F4 and ({narrow}):
        return careful(op, ({inputs},), {args})
"""


def write_wrapper(
    op: Op, n: int, *, optional: Sequence[int] = (), shapes: bool = False, arguments: bool = True
) -> Any:
    """call(a0, ..., *args) of an op with n array inputs; those in `optional` may be None.

    Recorded are the values that a rule of an input with a node reads. Meta is (the inputs' shapes, *args); it
    lacks what `shapes` or `arguments` does not ask for, and without arguments it is the shapes themselves.
    """
    every = range(n)
    given, args = _arguments(op.forward, n) if arguments else ("", "()")
    inputs = ", ".join(f"a{i}" for i in every)
    lines = {
        "name": op.name,
        "parameters": ", ".join([f"a{i}" for i in every]) + given,
        "inputs": inputs,
        "args": args,
        "arrays": ", ".join(f"x{i}" for i in every) + given,
        "widening": _WIDENING.format(narrow=_narrow(n, optional), inputs=inputs, args=args)
        if op.widens
        else "",
        "loads": "\n".join(f"    x{i} = {_unless_none(i, optional, '_a')}" for i in every),
        "nodes": "\n".join(f"    p{i} = {_unless_none(i, optional, '_node')}" for i in every),
        "nobody": "True" if op.vjp is None else " and ".join(f"p{i} is None" for i in every),
        "parents": ", ".join(f"p{i}" for i in every) + ",",
        "saved": _saved(op, n),
        "meta": _meta(n, optional, shapes, args, given if arguments else None),
        "traced": ", ".join(f"x{i}" for i in every),
    }
    op.meta = _meta_of(shapes, arguments)
    return _compiled(_CALL.format(**lines), op.name, {**_USED, "kernel": op.forward, "op": op})


_USED = {
    "F4": F4,
    "NARROW": NARROW,
    "again": again,
    "attend": attend,
    "blank": blank,
    "box": box,
    "Cold": Cold,
    "careful": careful,
    "grad_enabled": grad_enabled,
    "ndarray": ndarray,
    "record": record,
    "severed": severed,
    "special": special,
    "trace_of": trace_of,
    "view_of": view_of,
    "wrap": wrap,
}
_STARS = CO_VARARGS | CO_VARKEYWORDS


def _arguments(kernel: Any, n: int) -> tuple[str, str]:
    """What follows n inputs in a list of parameters or arguments, and the same as a tuple: names, or a star
    where the kernel does not say how many there are."""
    if type(kernel) is not FunctionType or (code := kernel.__code__).co_flags & _STARS:
        return ", *args", "args"
    more = code.co_argcount - n
    return (", *args", "args") if more and kernel.__defaults__ else _names(more)


@lru_cache
def _names(n: int) -> tuple[str, str]:
    """The same for n of them."""
    names = [f"b{i}" for i in range(n)]
    return "".join(f", {name}" for name in names), f"({''.join(f'{name}, ' for name in names).rstrip()})"


def write_linear(op: Op) -> Any:
    """call(input, *args) of an op that is linear in its one input, or shows its memory (`op.view`). Meta is
    (the input's shape, args)."""
    given, args = _arguments(op.forward, 1)
    narrow = " or (input._kind is not F4 and input._kind.char in NARROW)" if op.widens else ""
    source = f"""\
def {op.name}(input{given}):
    if (special.alert and attend(input)){narrow}:
        return careful(op, (input,), {args})
    x = input._a
{(_seen if op.view else _made)(given, args)}
    p = input._node
    if p is None:
        t._node = None
    elif special.threads and not grad_enabled():
        t._node = {"severed(input, y.shape)" if op.view else "None"}
    else:
        t._node = record(op, (p,), (), (x.shape, {args}), trace_of(y, x))
    return t
"""
    return _compiled(source, op.name, {**_USED, "kernel": op.forward, "op": op, "view": op.view})


def _seen(given: str, args: str) -> str:
    """A view, with what `view_of` gives it, written out for the plain input."""
    return f"""\
    if type(x) is not ndarray:
        x = box(input)
    t = blank()
    t._a = y = view(x{given})
    t._kind = input._kind
    if input._cold is None and not special.threads:
        t._cold = c = Cold()
        c.parent = input
        c.op = op
        c.args = {args}
        c.seen = input._node
        c.leaf = c.made = None
        c.count = 0
    else:
        t._cold = view_of(input, op, {args})"""


def _made(given: str, _args: str) -> str:
    """A new tensor."""
    return f"""\
    try:
        y = kernel(x{given})
    except FloatingPointError:
        y = again(kernel, x{given})
    t = blank()
    t._a = y
    t._kind = y.dtype
    t._cold = None"""


def write_variadic(op: Op) -> Any:
    """call(tensors, *args) of an op that is linear in a list of inputs. Meta is (their shapes, args)."""
    given, args = _arguments(op.forward, 1)
    source = f"""\
def {op.name}(tensors{given}):
    if special.alert and attend(*tensors):
        return careful(op, tensors, {args})
    xs = []
    recorded = False
    for t in tensors:
        xs.append(t._a)
        if t._node is not None:
            recorded = True
    y = kernel(xs{given})
    t = wrap(y)
    if recorded and (not special.threads or grad_enabled()):
        meta = tuple([x.shape for x in xs]), {args}
        t._node = record(op, tuple([x._node for x in tensors]), (), meta, trace_of(y, *xs))
    return t
"""
    return _compiled(source, op.name, {**_USED, "kernel": op.forward, "op": op})


def write_reduction(op: Op) -> Any:
    """call(input, dim, keepdim, *args) of a reduction; without args, dim and keepdim have defaults. Meta is
    (the input's shape, dim, keepdim, args)."""
    given, args = _arguments(op.forward, 3)
    axes = "dim, keepdim" if given and args != "args" else "dim=None, keepdim=False"
    source = f"""\
def {op.name}(input, {axes}{given}):
    if (special.alert and attend(input)) or (input._kind is not F4 and input._kind.char in NARROW):
        return careful(op, (input,), (dim, keepdim{given}))
    x0 = input._a
    try:
        y = kernel(x0, dim, keepdim{given})
    except (FloatingPointError, TypeError):  # NumPy is set to raise; or x0 is no array
        return careful(op, (input,), (dim, keepdim{given}))
    t = blank()
    t._a = y
    t._kind = y.dtype
    t._cold = None
    p = input._node
    if {"True" if op.vjp is None else "p is None"} or (special.threads and not grad_enabled()):
        t._node = None
    else:
        t._node = record(op, (p,), {_saved(op, 1)}, (x0.shape, dim, keepdim, {args}), trace_of(y, x0))
    return t
"""
    return _compiled(source, op.name, {**_USED, "kernel": op.forward, "op": op})


# How an elementwise op's rules call what they read: the output and the inputs, in the order of `saved`.
NAMES = ("y", "a", "b", "c")
# Names in an expression: no attributes, no exponents of numbers, no keywords of calls. Python's parser would
# take a tenth of the time in which the package is imported.
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?!\w|\s*=[^=])")
_NO_NAMES = frozenset(kwlist)


def read_by(rule: str) -> tuple[int, ...]:
    """The places in `saved` of the names that a rule reads. Raises: ValueError for a name that is none."""
    used = {*_NAME.findall(rule)} - _NO_NAMES
    if unknown := used - {*NAMES, "F", "g"}:
        raise ValueError(f"define: the rule {rule!r} has the unknown names {sorted(unknown)}.")
    return tuple([k for k, name in enumerate(NAMES) if name in used])


_VJP = """\
def vjp(F, g, saved, meta, need):
{guard}{unpack}{rules}
    return ({results},)
"""

_VJP_OF_BROADCAST = """\
def vjp(F, g, saved, shapes, need):
{guard}{unpack}{rules}
    if shapes is EQUAL or (shapes is None and {equal}):
        return {results}
    if shapes is None:
        shapes = {shapes}
    return [None if x is None else F.sum_to(x, shape) for x, shape in zip(({results}), shapes)]
"""


def write_vjp(
    op: Op,
    rules: Sequence[Any],
    *,
    broadcast: bool = False,
    meta: bool = False,
    otherwise: Any = None,
    **used: Any,
) -> Any:
    """The vjp of an op from one rule per input: an expression over F, g and the names in `NAMES`, which is
    written out; or a function d(F, g, *what it reads); or None.

    meta: the rules also get what the node's meta holds. broadcast: the cotangents are summed back to the
    inputs' shapes: meta holds those; or None where `saved` has all values (of a small op); or EQUAL where
    nothing was broadcast. otherwise: the vjp for what are no arrays. used: what the expressions use besides.
    """
    every = range(len(rules))
    lines = []
    for i, rule in enumerate(rules):
        read = "".join(f", saved[{k}]" for k in (op.reads[i] if op.reads else ())) + ", *meta" * meta
        g = rule if isinstance(rule, str) else f"d{i}(F, g{read})"
        lines.append(f"    x{i} = " + ("None" if rule is None else f"None if need[{i}] is None else {g}"))
    shapes = [f"saved[{i + 1}].shape" for i in every]
    named = any(isinstance(rule, str) for rule in rules) and op.reads
    many = broadcast and len(rules) > 1
    guard = (
        f"    if F is not K:\n        return otherwise(F, g, saved, {'shapes' if many else 'meta'}, need)\n"
    )
    source = (_VJP_OF_BROADCAST if many else _VJP).format(
        guard=guard if otherwise else "",
        unpack=f"    {', '.join(NAMES[: len(rules) + 1])} = saved\n" if named else "",
        rules="\n".join(lines),
        shapes=f"({', '.join(shapes)},)",
        equal=" == ".join(shapes),
        results=", ".join(f"x{i}" for i in every),
    )
    used.update(EQUAL=EQUAL, K=K, otherwise=otherwise, **{f"d{i}": d for i, d in enumerate(rules)})
    return _compiled(source, "vjp", used)


def _compiled(source: str, name: str, used: dict[str, Any]) -> Any:
    """The function that the source defines, with what it uses. It is compiled when it is first called: that
    takes half a millisecond, and most programs use few of all ops."""
    file = f"<tapegrad {name}>"
    cache[file] = (len(source), None, source.splitlines(True), file)  # tracebacks show its lines
    namespace = {"__package__": "tapegrad.define", **used}

    def become() -> Any:
        scratch: dict[str, Any] = {}
        exec(compile(source, file, "exec"), scratch)
        call.__defaults__ = scratch[name].__defaults__
        call.__code__ = scratch[name].__code__
        return call

    call: Any = FunctionType(_first_call.__code__, namespace, name)
    namespace["become"] = become
    namespace["__name__"] = None  # see kernels.errstate.nameless
    return call


def _first_call(*args: Any, **names: Any) -> Any:
    return become()(*args, **names)  # type: ignore[name-defined] # noqa: F821 # in the namespace of the function it serves


def _narrow(n: int, optional: Sequence[int]) -> str:
    """The expression of whether an input is of a narrow dtype."""
    return " or ".join(
        f"a{i} is not None and a{i}._kind.char in NARROW" if i in optional else f"a{i}._kind.char in NARROW"
        for i in range(n)
    )


def _unless_none(i: int, optional: Sequence[int], attribute: str) -> str:
    return f"None if a{i} is None else a{i}.{attribute}" if i in optional else f"a{i}.{attribute}"


def _saved(op: Op, n: int) -> str:
    """The expression of the saved tuple (out, *inputs): each value if an input that reads it needs a
    gradient."""
    if not op.reads:
        return "()"
    parts = []
    for k in range(n + 1):
        readers = [f"p{i} is not None" for i in range(n) if k in op.reads[i]]
        value = "y" if k == 0 else f"x{k - 1}"
        always = n == 1 and readers
        parts.append(
            value if always else f"{value} if {' or '.join(readers)} else None" if readers else "None"
        )
    return f"({', '.join(parts)},)"


def _meta_of(shapes: bool, arguments: bool) -> Any:
    """What a node keeps, as a function of the inputs and the arguments: the same as `_meta` writes out."""
    if not shapes:
        return lambda xs, args: args

    def meta(xs: Any, args: Any) -> Any:
        every = tuple([None if x is None else x.shape for x in xs])
        return (every, *args) if arguments else every

    return meta


def _meta(n: int, optional: Sequence[int], shapes: bool, args: str, given: str | None) -> str:
    if not shapes:
        return args
    each = ", ".join(
        f"None if x{i} is None else x{i}.shape" if i in optional else f"x{i}.shape" for i in range(n)
    )
    return f"({each},)" if given is None else f"(({each},){given or ','})"

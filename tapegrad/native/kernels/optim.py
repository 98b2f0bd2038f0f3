"""Optimizers' updates: one pass over memory for all parameters.

The rules of `kernels.optim` are written over verbs, so they need no second version here: with `Lanes` as F a
rule writes its own machine code. What it computes from options and counts before are numbers, which the
kernel is given; so one kernel serves all steps. Which kernel that is depends on the structure of
the rule's function (`_structure`). The arithmetic is that of the arrays, operation by operation, and so is
each result, bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from types import FunctionType
from typing import Any

import numpy as np

import tapegrad.kernels.optim as O
from tapegrad.kernels.errstate import nameless
from tapegrad.native import call
from tapegrad.native.choice import TYPES, over
from tapegrad.native.ir import PTR, Type, Value, integers
from tapegrad.native.places import Many
from tapegrad.native.target import host

LEAST = 1 << 12  # elements of all parameters together
MANY = 8  # arrays, or so many: NumPy takes microseconds for each
LARGE = 1 << 20  # elements: gradients that are mostly 0 are those of large tables
_LOOKED_AT = 4  # vectors of a gradient at once


class _Place:
    """The place of a number among those of a rule; each is itself alone."""

    __slots__ = ()


_PLACES = [_Place() for _ in range(64)]


class Numbers:
    """The verbs while a rule only computes what depends on options and counts: it notes the numbers. The
    other verbs are their names (below)."""

    __slots__ = ("found", "kind")

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        self.found: list[float] = []

    def number(self, x: Any) -> Any:
        """Note x."""
        found = self.found
        place = _PLACES[len(found)]
        found.append(float(x))
        return place

    option = number

    def toward(self, w: Any) -> Callable[[], Any]:
        """Note the weight, as `Arrays.toward` takes it."""
        near = bool(abs(w) < 0.5)
        slot = self.option(w if near else self.kind.type(1) - self.kind.type(w))
        return lambda: (near, slot)


class Lanes:
    """The verbs on vectors of a kernel that is being written."""

    def __init__(self, f: call.Body, t: Type) -> None:
        self.f, self.vector, self.element = f, host().wide(t), t
        self.many = 0

    def number(self, _: Any) -> Value:
        """The next of the numbers that the kernel is given."""
        x = self.f.convert(self.f[f"x{self.many}"], self.element)
        self.many += 1
        return self.f.splat(x, self.vector.lanes)

    option = number

    def toward(self, w: Any) -> Callable[[Value, Value], Value]:
        """x + w (y - x), from the nearer side, as a function of x and y."""
        near, weight = abs(w) < 0.5, self.number(w)
        return lambda x, y: x + (y - x) * weight if near else y - (y - x) * weight

    def sqrt(self, x: Value) -> Value:
        """The root."""
        return self.f.intrinsic("sqrt", x)

    def abs(self, x: Value) -> Value:
        """Without its sign."""
        return self.f.intrinsic("fabs", x)

    def sign(self, x: Value) -> Value:
        """-1, 0 or 1; 0 for nan."""
        return self.f.select(x > 0, 1.0, self.f.select(x < 0, -1.0, self.f.value(0.0, self.vector)))

    def where(self, mask: Value, a: Value, b: Value) -> Value:
        """a where the mask is true, else b."""
        return self.f.select(mask, a, b)

    def maximum(self, x: Value, y: Value) -> Value:
        """The larger of x and y; nan if one is."""
        return self.f.select((x >= y) | x.is_nan(), x, y)

    def clamp(self, x: Value, low: Value, high: Value) -> Value:
        """x within low and high."""
        x = self.maximum(x, low)
        return self.f.select((x <= high) | x.is_nan(), x, high)

    @staticmethod
    def copy(_: Value, y: Value) -> Value:
        """y."""
        return y

    start = copy

    @staticmethod
    def add(x: Value, y: Value) -> Value:
        """x + y."""
        return x + y

    @staticmethod
    def sub(x: Value, y: Value) -> Value:
        """x - y."""
        return x - y

    @staticmethod
    def mul(x: Value, y: Value) -> Value:
        """x y."""
        return x * y

    @staticmethod
    def div(x: Value, y: Value) -> Value:
        """x / y."""
        return x / y

    @staticmethod
    def go(x: Value, y: Value, size: Value) -> Value:
        """x + size y."""
        return x + y * size

    @staticmethod
    def addcmul(x: Value, a: Value, b: Value, value: Value) -> Value:
        """x + value a b."""
        return x + a * value * b

    @staticmethod
    def addcdiv(x: Value, a: Value, b: Value, value: Value) -> Value:
        """x + value a / b."""
        return x + a * value / b


for _verb in vars(Lanes).keys() - vars(Numbers).keys():
    if not _verb.startswith("_"):
        setattr(Numbers, _verb, _verb)


def _structure(x: FunctionType) -> tuple[Any, ...]:
    """What decides which code a rule's function writes: its code and what it holds, of functions theirs; of
    numbers that the kernel is given only which they are."""
    # The code by its place, as it lives as long as the rule: to hash code reads it all.
    found: list[Any] = [id(x.__code__)]
    for cell in x.__closure__ or ():
        y = cell.cell_contents
        kind = y.__class__
        if kind is FunctionType:
            y = _structure(y)
        if kind is not Numbers:
            found.append(y)
    return tuple(found)


_kernels: dict[Any, Any] = {}


def _build(
    rule: Any, o: O.Options, counts: Sequence[Any], kind: Any, numbers: int, held: int, idle: bool
) -> Any:
    """The kernel of a rule that computes with so many numbers. Of each parameter there are `held` arrays: its
    own, its gradient, its state. idle: where the gradient is 0 nothing changes, so nothing else is read."""
    t = TYPES[kind]
    given = " ".join([f"x{k}:d" for k in range(numbers)])

    def write(f: call.Body) -> None:
        F = Lanes(f, t)
        _, update = O.begun(rule, F, o, counts)

        def parameter(i: Value, low: Value, high: Value) -> None:
            arrays = [f.load(f["table"].at(f["arrays"] * k + i, PTR), PTR) for k in range(held)]
            _pass(F, update, arrays, low, high, idle)

        Many.loop(f, parameter, held)

    name, grain = f"update_{rule.__name__}{'_idle' if idle else ''}", Many.GRAIN
    return call.build(name, f"{given} {Many.PARAMETERS}", write, over="blocks", grain=grain)


def _pass(F: Lanes, update: O.Update, arrays: list[Value], low: Value, high: Value, idle: bool) -> None:
    """The update of elements low to high of a parameter."""
    f, V = F.f, F.vector

    def one(i: Value, mask: Value | None) -> None:
        at = [a.at(i, F.element) for a in arrays]
        p, *state = update(*[f.load(x, V, mask) for x in at])
        for place, y in zip([at[0], *at[2:]], [p, *state], strict=False):
            f.store(place, y, mask)

    full, start = low + ((high - low) & -V.lanes), low
    if idle:
        step, whole = V.lanes * _LOOKED_AT, integers(V)
        start = low + ((high - low) & -step)
        with f.loop(low, start, step) as i:
            places = [i + k for k in range(0, step, V.lanes)]
            bits = [f.load(arrays[1].at(k, F.element), whole) for k in places]
            with f.when(f.any(f.tree(bits, lambda a, b: a | b).ne(0))):
                for k in places:
                    one(k, None)
    with f.loop(start, full, V.lanes) as i:
        one(i, None)
    with f.when(full < high):
        one(full, f.first(high - full, V))


def _is_idle(body: Any, rule: Any, o: O.Options, counts: Sequence[Any], kind: Any) -> bool:
    """Whether a gradient of 0 changes no bit of a parameter: that is tried."""
    p = np.array([0.0, -0.0, 1.5, -1e-30, np.inf, np.nan], kind)
    new = p.copy()
    with np.errstate(all="ignore"):
        body(rule, o, counts, kind, [[new], [np.zeros_like(p)]])
    return p.tobytes() == new.tobytes()


class _Ready:
    """A rule with the options that it was given. `choices`: its kernels by how many arrays a parameter has,
    whether they are idle, and the truth values that depend on counts."""

    __slots__ = ("advance", "build", "choices", "numbers", "verbs")

    def __init__(self, rule: Any, o: O.Options, kind: Any) -> None:
        self.verbs = Numbers(kind)
        self.advance, self.build = rule(self.verbs, o)
        self.numbers = self.verbs.found.copy()
        self.choices: dict[tuple[int, ...], Any] = {}

    def structure(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """That of its update with these values."""
        F = self.verbs
        with _lock:
            F.found = self.numbers.copy()
            return _structure(self.build(*[x if x.__class__ is bool else F.number(x) for x in values]))


_lock = Lock()


@over(O.apply)
def apply(body: Any, rule: Any, o: O.Options, counts: Sequence[Any], kind: Any, columns: Any) -> Any:
    """One call for all parameters."""
    held, ps = len(columns), columns[0]
    size = sum([p.size for p in ps])
    if (size < LEAST and held * len(ps) < MANY) or kind not in TYPES:
        return body(rule, o, counts, kind, columns)
    many = Many.of([a for column in columns for a in column], held)
    if many is None or not many.apart():
        return body(rule, o, counts, kind, columns)
    ready = O.with_options(_Ready, rule, o, kind)
    new, values = ready.advance(*counts)
    idle = held == 2 and size >= LARGE and _is_idle(body, rule, o, counts, kind)
    choice = held, idle, *[x for x in values if x.__class__ is bool]
    kernel = ready.choices.get(choice)
    if kernel is None:
        key = rule, kind, held, ready.structure(values), idle
        kernel = _kernels.get(key)
        if kernel is None:
            count = len(ready.numbers) + len(values) - len(choice) + 2
            kernel = _kernels[key] = _build(rule, o, counts, kind, count, held, idle)
        ready.choices[choice] = kernel
    numbers = [x for x in values if x.__class__ is not bool]
    kernel(*ready.numbers, *numbers, *many.arguments)
    return new


nameless(globals())

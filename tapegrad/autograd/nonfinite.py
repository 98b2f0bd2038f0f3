"""The first operation that makes a nan or an inf, in the forward or in the backward.

Every result is tested by one product with itself, a.dot(a): squares cannot cancel, so it is finite only if
all elements are; it reads the array once and writes nothing. Where it is not finite, because an element is
not or because a square overflowed, the elements are looked at one by one. Testing at the end of a step
instead, and searching the graph only then, would cost less, but values that no rule reads are gone by then,
and operations under no_grad leave no node.
"""

from __future__ import annotations

import linecache
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from inspect import isgeneratorfunction
from math import isfinite
from types import CodeType
from typing import Any, TypeVar

import numpy as np
from numpy import ndarray

from tapegrad._errors import TapegradWarning, caller, choices, line_of, place
from tapegrad.autograd.grad_mode import resumed
from tapegrad.dtypes import INEXACT
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import arrays_of
from tapegrad.naming import argument
from tapegrad.observers import Observer
from tapegrad.tape import Node

__all__ = ["NonFinite", "NonFiniteError", "trace_nonfinite"]

Fn = TypeVar("Fn", bound=Callable[..., Any])
MODES = ("raise", "warn", "collect")


@dataclass(frozen=True, slots=True)
class Values:
    """What an array holds: its name, its elements by kind, and the range of the finite ones."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    nans: int
    infs: int
    first: tuple[int, ...] | None  # where the first element stands that is not finite
    least: float | None
    most: float | None

    def __str__(self) -> str:
        text = f"{self.name} is {self.dtype}{list(self.shape)}"
        if self.least is not None:
            one = self.least == self.most
            text += f" of {self.least:.4g}" if one else f" from {self.least:.4g} to {self.most:.4g}"
        return text + (f" with {self.bad()}" if self.first is not None else "")

    def bad(self) -> str:
        """The elements that are not finite: 2 nan, first at [0, 1]."""
        counts = [f"{n} {kind}" for n, kind in ((self.nans, "nan"), (self.infs, "inf")) if n]
        at = f", first at {list(self.first)}" if self.first else ""
        return " and ".join(counts) + at


@dataclass(frozen=True, slots=True)
class NonFinite:
    """An operation that made nan or inf.

    kind: "nan" or "inf": what was not among its inputs; "given": a nan that was there before any operation
    that was watched. line, source: of the operation's forward, also where its backward made it. inputs:
    forward: the op's inputs; backward: the incoming gradient and what the rule reads.
    """

    op: str
    kind: str
    backward: bool
    line: str
    source: str
    inputs: tuple[Values, ...]
    result: Values

    def __str__(self) -> str:
        given = ", ".join(map(str, self.inputs))
        at = f"{self.line}: {self.source}" if self.source else self.line
        if self.kind == "given":
            return f"{self.op}: {given} ({at}); no operation that was watched made the nan. Look at the data."
        if self.backward:
            what = (
                f"{self.op} backward: {given}; {self.result.name} has {self.result.bad()} (forward at {at})."
            )
        else:
            what = f"{self.op}: {given}; the result has {self.result.bad()} ({at})."
        return f"{what} {_CURES.get(self.op, _CURE)}"


_CURE = "Scale the values down (learning rate, initial weights), or clamp() them."
_CURES = {
    "log": "Keep the input above 0, e.g. with clamp(min=1e-12).",
    "sqrt": "Keep the input above 0, e.g. with x + 1e-12: at 0 the derivative is infinite.",
    "div": "Keep the divisor away from 0.",
    "reciprocal": "Keep the input away from 0.",
    "exp": "Subtract the maximum first, or use softmax or logsumexp.",
    "pow": "Keep the base above 0 for an exponent that is no whole number.",
}


class NonFiniteError(RuntimeError, FloatingPointError):
    """What trace_nonfinite raises; `report` is the NonFinite."""

    def __init__(self, report: NonFinite) -> None:
        super().__init__(str(report))
        self.report = report

    def __reduce__(self) -> tuple[Any, ...]:
        return NonFiniteError, (self.report,)


class trace_nonfinite:
    """Find the first operation that makes nan or inf out of finite inputs, in the forward or the backward.

    A context manager and decorator, for this thread. mode: "raise" a NonFiniteError there, a backward then
    changes no gradient; "warn" once per operation and line; or "collect" into `found`, without a word.
    Seen are all operations, recorded or not, also under no_grad, and the rule of every node in a backward.
    Not seen: tensors that are only created, optimizers' updates, sums of gradients, and NumPy's own work.
    An inf that is given, as in a mask of -inf, is not reported; a nan that becomes of it is.
    Raises: ValueError for another mode.
    """

    def __init__(self, mode: str = "raise") -> None:
        if mode not in MODES:
            raise ValueError(f"trace_nonfinite: mode is {mode!r}; {choices(MODES)} is needed.")
        self.mode = mode
        self.found: list[NonFinite] = []
        self._watching: list[_Tracer] = []

    def __enter__(self) -> trace_nonfinite:
        self._watching.append(_Tracer(self.mode, self.found))
        self._watching[-1].__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._watching.pop().__exit__()

    def __call__(self, function: Fn) -> Fn:
        if isgeneratorfunction(function):
            watcher = partial(_Tracer, self.mode, self.found)
            return resumed(function, watcher)  # type: ignore[return-value] # a generator function for one

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with _Tracer(self.mode, self.found):
                return function(*args, **kwargs)

        return call  # type: ignore[return-value] # the same signature


class _Tracer(Observer):
    """The observer behind it."""

    __slots__ = ("_said", "_sweeping", "found", "mode")

    def __init__(self, mode: str, found: list[NonFinite]) -> None:
        self.mode, self.found = mode, found
        self._sweeping = 0
        self._said: set[Any] = set()

    def __call__(self, op: Any, xs: Sequence[Any], args: Any, y: Any, node: Node | None) -> None:
        """An operation: nothing to do if its result is finite."""
        if finite(y) or self._sweeping or op.view:
            return
        inputs = [x for x in xs if x is not None]
        kind = _made([y], [*inputs, *_numbers(args)])
        if not kind or (kind == "given" and self.found):
            return
        at = caller(3) if node is None else (node.code, node.lasti)
        names = ("input", "other") if len(inputs) < 3 else [f"input {i + 1}" for i in range(len(inputs))]
        self._report(op.name, kind, False, at, zip(names, inputs, strict=False), ("the result", y))

    def begin(self, roots: Sequence[Node], deposits: bool) -> None:
        """A sweep begins: what its rules do is seen by what they return."""
        self._sweeping += 1

    def end(self) -> None:
        """The sweep is over."""
        self._sweeping -= 1

    def swept(self, n: Node, g: Any, below: Any) -> None:
        """A rule has run: nothing to do if what it made is finite."""
        for i, pg in enumerate(below):
            if pg is None or pg is g or finite(pg):
                continue
            read = _read(n)
            kind = _made([pg], [g, *[x for _, x in read], *_numbers(n.meta)])
            if kind in ("nan", "inf"):
                inputs = [("the incoming gradient", g), *read]
                result = (f"the gradient of input {i + 1}", pg)
                self._report(n.op.name, kind, True, (n.code, n.lasti), inputs, result)
                return

    def _report(
        self,
        op: str,
        kind: str,
        backward: bool,
        at: tuple[CodeType, int],
        inputs: Iterable[tuple[str, Any]],
        result: tuple[str, Any],
    ) -> None:
        key = (op, backward, id(at[0]), at[1])
        if key in self._said:
            return
        self._said.add(key)
        code, line = at[0], line_of(*at)
        source = linecache.getline(code.co_filename, line).strip()
        values = tuple([_values(argument(name, x), x) for name, x in inputs])
        report = NonFinite(op, kind, backward, place(*at), source, values, _values(*result))
        self.found.append(report)
        if self.mode == "raise":
            raise NonFiniteError(report)
        if self.mode == "warn":
            warnings.warn_explicit(str(report), TapegradWarning, code.co_filename, line)


def finite(y: Any) -> bool:
    """Whether all elements are finite; anything but floating point is."""
    if type(y) is ndarray:
        kind = y.dtype.char
        if kind == "f" or kind == "d":
            a = y if y.ndim == 1 else y.ravel("K")
            try:
                if isfinite(a.dot(a)):
                    return True
            except FloatingPointError:  # the user has set np.seterr(all="raise")
                pass
        elif kind not in "eFD":
            return True
        return bool(np.isfinite(y).all())
    if isinstance(y, np.generic):
        return y.dtype.kind not in INEXACT or bool(np.isfinite(y))
    return all(finite(a) for a in _flat(y))


def _flat(x: Any) -> Iterator[Any]:
    """The arrays of a Tensor, of a storage, of the parts of several outputs."""
    if isinstance(x, dict):
        for part in x.values():
            yield from _flat(part)
    elif hasattr(x, "_a"):
        yield from arrays_of(x._a)
    else:
        yield from (a for a in arrays_of(x) if isinstance(a, (ndarray, np.generic)))


def _numbers(args: Any) -> Iterator[Any]:
    """The floating point values among an op's arguments."""
    for x in args if isinstance(args, (tuple, list)) else (args,):
        if isinstance(x, (tuple, list)):
            yield from _numbers(x)
        elif isinstance(x, (float, complex, ndarray, np.generic)):
            yield np.asarray(x)


def _read(n: Node) -> list[tuple[str, Any]]:
    """What the rules of n read of its output and inputs."""
    places = {k for p, ks in zip(n.parents, n.op.reads, strict=False) if p is not None for k in ks}
    saved = n.saved if type(n.saved) is tuple else ()
    return [(f"input {k}" if k else "its output", saved[k]) for k in sorted(places) if k < len(saved)]


def _made(outs: Sequence[Any], ins: Sequence[Any]) -> str:
    """What an operation has made: "nan" or "inf" if no input has it, "given" for a nan that one has, else
    nothing new: ""."""
    (nan, inf), (given, given_inf) = _kinds(outs), _kinds(ins)
    if nan:
        return "given" if given else "nan"
    return "inf" if inf and not given and not given_inf else ""


def _kinds(values: Iterable[Any]) -> tuple[bool, bool]:
    every = [a for x in values for a in _flat(x) if a.dtype.kind in INEXACT]
    return any(np.isnan(a).any() for a in every), any(np.isinf(a).any() for a in every)


def _values(name: str, x: Any) -> Values:
    every = list(_flat(x)) or [np.zeros(0)]
    a = next((a for a in every if not finite(a)), every[0])  # of several, one that it is in
    kind = str(a.dtype)
    if a.dtype.kind not in INEXACT:
        return Values(name, a.shape, kind, 0, 0, None, None, None)
    good = np.isfinite(a)
    bad = np.argwhere(~good)
    real = np.abs(a[good]) if a.dtype.kind == "c" else a[good]
    least, most = (float(real.min()), float(real.max())) if real.size else (None, None)
    nans, infs = int(np.isnan(a).sum()), int(np.isinf(a).sum())
    first = tuple(map(int, bad[0])) if len(bad) else None
    return Values(name, a.shape, kind, nans, infs, first, least, most)


nameless(globals())

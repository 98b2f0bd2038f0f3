"""Rows and samples: how an op is called, as data that runs on tapegrad and on torch alike.

A `Row` is one op. Its samples are `Call`s, whose tensor arguments are `Array`s: a shape, a dtype, how the
elements lie in memory. `build` makes them tensors of the library at hand, so nothing here knows which one
that is.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Name:
    """An attribute of the library as an argument, such as its float64."""

    name: str

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Array:
    """A tensor argument: its values are drawn from [low, high), unless they are given.

    Drawn floats keep away from multiples of 1/2, where roundings and comparisons have their kinks. layout:
    one of `LAYOUTS` in kinds.py. grad: whether it asks for a gradient (only floats and complex ones ever do).
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    low: int = -2
    high: int = 2
    values: Any = None
    layout: str = "plain"
    grad: bool = True

    def __repr__(self) -> str:
        values = "" if self.values is None else f" of {np.array(self.values).tolist()!r:.60}"
        return f"{self.dtype}{list(self.shape)}{values}" + f" {self.layout}" * (self.layout != "plain")

    def draw(self, seed: int) -> Any:
        """The values as an ndarray, the same for the same seed."""
        if self.values is not None:
            return np.array(self.values, self._drawn_in).reshape(self.shape)
        random = np.random.default_rng([seed, *self.shape])
        if self.dtype == "bool":
            return random.random(self.shape) < 0.5
        if not self.is_float:
            low = max(self.low, 0) if self.dtype == "uint8" else self.low
            return random.integers(low, self.high, self.shape).astype(self.dtype)
        values = self._between_halves(random)
        if self.dtype.startswith("complex"):
            values = values + 1j * self._between_halves(random)
        return np.asarray(values).astype(self._drawn_in)

    @property
    def _drawn_in(self) -> str:
        """The dtype of the values as an ndarray: torch makes no bfloat16 of arrays."""
        return "float32" if self.dtype == "bfloat16" else self.dtype

    def _between_halves(self, random: Any) -> Any:
        halves = random.integers(2 * self.low, 2 * self.high, self.shape) / 2
        return halves + random.uniform(0.1, 0.4, self.shape)

    @property
    def is_float(self) -> bool:
        """Whether its dtype is a floating point or complex one."""
        return self.dtype.startswith(("float", "bfloat", "complex"))

    def in_doubles(self) -> Array:
        """The argument in float64, or complex128 (integers as they are); a repeated one with memory of its
        own, since its rows cannot move apart."""
        wide = (
            "complex128" if self.dtype.startswith("complex") else "float64" if self.is_float else self.dtype
        )
        return replace(self, dtype=wide, layout="plain" if self.layout == "expanded" else self.layout)

    def make(self, torch: Any, seed: int, grad: bool) -> Any:
        """The tensor, a leaf; it requires grad if `grad` and its own grad allow it."""
        a = self.draw(seed)

        def tensor(a: Any) -> Any:
            return torch.tensor(a).bfloat16() if self.dtype == "bfloat16" else torch.tensor(a)

        if self.layout == "transposed":
            axes = tuple(range(a.ndim))[::-1]
            t = tensor(a.transpose(axes).copy()).permute(axes).detach()
        elif self.layout == "strided":
            t = tensor(np.stack([a, a], -1))[..., 0].detach()
        elif self.layout == "expanded":
            t = tensor(a[:1].copy()).expand(*a.shape).detach()
        elif self.layout == "offset":
            padded = np.concatenate([np.zeros(1, a.dtype), a.reshape(-1)])
            t = tensor(padded)[1:].reshape(a.shape).detach()
        else:
            t = tensor(a)
            if self.layout == "computed":
                t = t + 0 if self.dtype.startswith("complex") else torch.maximum(t, t)
        return t.requires_grad_() if grad and self.grad and self.is_float else t


@dataclass(frozen=True)
class Call:
    """One call of an op: arguments in which Arrays and Names stand for tensors and dtypes.

    smooth: whether finite differences hold there (no kink, no pole, nothing that is not finite).
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    smooth: bool = True

    def __repr__(self) -> str:
        return f"({', '.join([*map(repr, self.args), *[f'{k}={v!r}' for k, v in self.kwargs.items()]])})"

    def map(self, kind: type, f: Callable[[Any], Any]) -> Call:
        """The call with f(x) for each x of a kind in its arguments, also inside sequences."""
        args, kwargs = _mapped((self.args, self.kwargs), kind, f)
        return replace(self, args=args, kwargs=kwargs)

    def arrays(self) -> list[Array]:
        """Its Arrays, in order."""
        found: list[Array] = []
        self.map(Array, found.append)
        return found

    def build(self, torch: Any, grad: bool = True) -> tuple[list[Any], Call]:
        """The tensors of a library, all leaves, and the call with them as arguments."""
        tensors: list[Any] = []
        seed = count(1)

        def make(a: Array) -> Any:
            tensors.append(a.make(torch, next(seed), grad))
            return tensors[-1]

        built = self.map(Array, make).map(Name, lambda n: getattr(torch, n.name))
        return tensors, built.map(np.ndarray, np.copy)


def _mapped(x: Any, kind: type, f: Callable[[Any], Any]) -> Any:
    if isinstance(x, kind):
        return f(x)
    if isinstance(x, dict):
        return {k: _mapped(v, kind, f) for k, v in x.items()}
    if type(x) in (list, tuple):
        return type(x)([_mapped(v, kind, f) for v in x])
    return x


def x(*shape: int, dtype: str = "float32", **facts: Any) -> Array:
    """A tensor argument of a shape; facts: see `Array`."""
    return Array(shape, dtype, **facts)


def call(*args: Any, **kwargs: Any) -> Call:
    """A sample: the arguments of one call."""
    return Call(args, kwargs)


def kink(*args: Any, **kwargs: Any) -> Call:
    """A sample where finite differences do not hold: a kink, a pole, a tie, a value that is not finite."""
    return Call(args, kwargs, smooth=False)


@dataclass(frozen=True)
class Form:
    """One way to call an op: `run(torch, *args, **kwargs)`; `name` says how it looks in a program."""

    name: str
    run: Callable[..., Any]
    takes: Callable[[Call], bool]


@dataclass(frozen=True)
class Row:
    """An op: how it is called, with what, and how exact it is.

    samples, errors: calls that give a result, and calls that torch refuses.
    function, method, functional: whether it exists as torch.name, Tensor.name, torch.nn.functional.name.
    functional_writer: whether torch.nn.functional has name_, or name(inplace=True).
    special: its names in torch.special. writer: whether the function name_ exists.
    operator: Python's operator for it ("add" for x + y). aliases: further names of the function and method.
    numbers: whether the function takes a number as its first argument.
    inplace: whether the method name_ exists. out: whether the function takes out=.
    how: instead of all these, how(torch, *args, **kwargs). writes: `how` writes into its first argument.
    ulps: how many units in the last place its values may differ from torch's. whole: these are units of the
    largest element instead of each: for what adds up many terms. derivative: whether it has one at all.
    """

    name: str
    samples: tuple[Call, ...]
    errors: tuple[Call, ...] = ()
    function: bool = True
    method: bool = True
    functional: bool = False
    functional_writer: bool = False
    special: str = ""
    writer: bool = False
    operator: str = ""
    aliases: tuple[str, ...] = ()
    numbers: bool = False
    inplace: bool = False
    out: bool = False
    how: Callable[..., Any] | None = None
    ulps: float = 0
    whole: bool = False
    writes: bool = False
    derivative: bool = True

    def forms(self) -> Iterator[Form]:
        """Every way to call it that leaves its arguments as they are."""
        if self.how is not None:
            if not self.writes:
                yield Form(self.name, self.how, lambda c: True)
            return
        if self.function:
            for name in (self.name, *self.aliases):
                yield Form(f"torch.{name}", _function(name), lambda c: self.numbers or not _on_number(c))
        for name in self.special.split():
            yield Form(f"torch.special.{name}", _function(name, "special"), lambda c: True)
        if self.functional:
            yield Form(f"nn.functional.{self.name}", self._functional, _on_tensor)
        if self.method:
            for name in (self.name, *self.aliases):
                yield Form(f"Tensor.{name}", _method(name), _on_tensor)
        if self.operator:
            yield Form(f"operator.{self.operator}", _operator(self.operator), lambda c: not c.kwargs)

    def writers(self) -> Iterator[Form]:
        """Every way to call it that writes the result into its first argument."""
        if self.how is not None:
            if self.writes:
                yield Form(self.name, self.how, lambda c: True)
            return
        if self.functional_writer:
            yield Form(f"nn.functional.{self.name}_", _functional_writer(self.name), _on_tensor)
        for name in (self.name, *self.aliases):
            if self.inplace:
                yield Form(f"Tensor.{name}_", _method(f"{name}_"), _on_tensor)
            if self.writer:
                yield Form(f"torch.{name}_", _function(f"{name}_"), _on_tensor)
        if self.inplace and self.operator and hasattr(operator, f"i{self.operator.rstrip('_')}"):
            run = _operator(f"i{self.operator.rstrip('_')}")
            yield Form(f"operator.i{self.operator}", run, lambda c: _on_tensor(c) and not c.kwargs)

    def _functional(self, torch: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(torch.nn.functional, self.name)(*args, **kwargs)


def _on_tensor(c: Call) -> bool:
    return bool(c.args) and isinstance(c.args[0], Array)


def _on_number(c: Call) -> bool:
    return bool(c.args) and isinstance(c.args[0], (bool, int, float, complex))


def _function(name: str, namespace: str = "") -> Callable[..., Any]:
    def run(torch: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(getattr(torch, namespace) if namespace else torch, name)(*args, **kwargs)

    return run


def _functional_writer(name: str) -> Callable[..., Any]:
    def run(torch: Any, *args: Any, **kwargs: Any) -> Any:
        F = torch.nn.functional
        if hasattr(F, f"{name}_"):
            return getattr(F, f"{name}_")(*args, **kwargs)
        return getattr(F, name)(*args, inplace=True, **kwargs)

    return run


def _method(name: str) -> Callable[..., Any]:
    return lambda torch, x, *args, **kwargs: getattr(x, name)(*args, **kwargs)


def _operator(name: str) -> Callable[..., Any]:
    return lambda torch, *args: getattr(operator, name)(*args)


def plain_samples(row: Row, few: int) -> list[Call]:
    """About so many of a row's samples that have float32 tensors with drawn values, for derived ones in other
    dtypes."""
    plain = [c for c in row.samples if c.smooth and _drawn(c)]
    step = max(1, len(plain) // few)
    return plain[:3] + plain[3::step]


def _drawn(c: Call) -> bool:
    """Whether a call has float32 tensors without given values, and with elements: torch lets some dtypes pass
    that do not fit where there is nothing to compute."""
    floats = [a for a in c.arrays() if a.is_float]
    return bool(floats) and all(
        a.dtype == "float32" and a.values is None and 0 not in a.shape for a in floats
    )


def in_dtype(c: Call, dtype: str, *, only_first: bool = False) -> Call:
    """The call with its float tensors, or the first of them, in another dtype."""
    floats = [a for a in c.arrays() if a.is_float]
    chosen = floats[:1] if only_first else floats
    return c.map(Array, lambda a: replace(a, dtype=dtype) if any(a is b for b in chosen) else a)

"""Running a program on tapegrad and on torch, statement by statement, and comparing all that can be seen.

After each statement torch's tensors are set to tapegrad's values, bit by bit, so that rounding errors do not
add up: each statement is compared by itself.
"""

from __future__ import annotations

import operator
import re
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from types import CodeType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

import tapegrad
from tapegrad.testing.samples import ROWS
from tests.ops.comparing import is_tensor
from tests.ops.fuzz.departures import reason

RELATIVE = {"float16": 2e-3, "float32": 1e-6, "float64": 1e-13, "complex64": 1e-6, "complex128": 1e-13}
MANY = 4  # so many results of one op become tensors of the program

HEADER = """import operator
from collections import defaultdict
import numpy as np
import torch
from numpy import array, inf, nan
from tapegrad.testing.samples import ROWS  # how some ops are called
seen = defaultdict(list)  # what each hook saw"""


class Statement(NamedTuple):
    """A statement of a program: its text, its kind (a key of writing.KINDS), and the name that it binds."""

    text: str
    kind: str
    binds: str = ""

    @property
    def code(self) -> CodeType:
        """It compiled; the same text is compiled once."""
        if self.text not in _compiled:
            if len(_compiled) > 5000:
                _compiled.clear()
            _compiled[self.text] = compile(self.text, "<program>", "exec")
        return _compiled[self.text]


_compiled: dict[str, CodeType] = {}
tapegrad_runs: Any = SimpleNamespace(
    value=False
)  # whether tapegrad runs; in a child process its parent sees it


class Difference(AssertionError):
    """The libraries differ. what: error, value, gradient, flags (what else a tensor says), result (what is no
    tensor), identity (which tensor it is), changed (by a statement that failed) or shared (memory)."""

    def __init__(self, what: str, text: str) -> None:
        super().__init__(f"{what}: {text}")
        self.what, self.text = what, text


class Over(Exception):
    """The program ends here, and nothing is wrong."""


@dataclass
class Side:
    """One library with a program's variables."""

    lib: Any
    names: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None

    def __post_init__(self) -> None:
        given = {"array": np.array, "inf": float("inf"), "nan": float("nan"), "np": np}
        self.names = {
            "torch": self.lib,
            "operator": operator,
            "ROWS": ROWS,
            "seen": defaultdict(list),
            **given,
        }

    def run(self, code: CodeType) -> None:
        """Run a statement; its error is in `error`."""
        self.error = None
        tapegrad_runs.value = self.lib is tapegrad
        try:
            exec(code, self.names)
        except Exception as error:  # noqa: BLE001 # any class is compared
            self.error = error.with_traceback(None)
        tapegrad_runs.value = False

    def tensor(self, ref: str) -> Any:
        """The tensor that an expression such as `v3` or `v3[1]` means."""
        name, _, place = ref.partition("[")
        value = self.names[name]
        return value[int(place[:-1])] if place else value


def values_of(t: Any) -> Any:
    """A tensor's values. A tapegrad one must stay as it is: detach() would give a number memory."""
    return np.asarray(t._a) if isinstance(t, tapegrad.Tensor) else t.detach().numpy(force=True)


def put(t: Any, values: Any) -> None:
    """Set torch's tensor without its knowing: it counts no write. Its zeros without memory stay."""
    if t.is_conj() or t.is_neg():
        t.data.copy_(t.detach().resolve_conj().resolve_neg().new_tensor(values))
    else:
        values_of(t)[...] = values


def refs_to(name: str, value: Any) -> Iterator[str]:
    """The expressions for the tensors in what a name is bound to."""
    if is_tensor(value):
        yield name
    elif isinstance(value, (tuple, list)):
        yield from [f"{name}[{i}]" for i, x in enumerate(value[:MANY]) if is_tensor(x)]


def equal(x: Any, y: Any) -> bool:
    """Whether two arrays are the same, bit by bit."""
    return bool(x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes())


def distance(x: Any, y: Any) -> Any:
    """How far apart the elements of two arrays are, in double precision."""
    kind = "c16" if x.dtype.kind == "c" else "f8"
    return np.abs(x.astype(kind) - y.astype(kind))


def close(x: Any, y: Any) -> Any:
    """Where two arrays of one dtype and shape agree: to the relative error that one op may have."""
    if x.dtype.kind == "c":  # one part may be inf or nan
        whole = (x == y) | np.isnan(x) & np.isnan(y) | _near(x, y)
        return whole | close(x.real, y.real) & close(x.imag, y.imag)
    return (x == y) | np.isnan(x) & np.isnan(y) | _near(x, y) if x.dtype.kind == "f" else x == y


def _near(x: Any, y: Any) -> Any:
    """Where two arrays of floats agree up to rounding."""
    with np.errstate(all="ignore"):
        wide = np.maximum(np.abs(x), np.abs(y)).astype("f8")
        least = float(np.finfo(x.dtype).tiny)
        near = distance(x, y) <= RELATIVE[x.dtype.name] * wide + least
    return near & np.isfinite(x) & np.isfinite(y)


class Run:
    """A program on both libraries."""

    def __init__(self, torch: Any) -> None:
        self.ours, self.theirs = Side(tapegrad), Side(torch)
        self.refs: list[str] = []
        self.done: list[Statement] = []
        self.elsewhere = False  # whether results lay otherwise in memory before the last statement
        for lib in (tapegrad, torch):
            lib.manual_seed(0)

    # ---- statements

    def execute(self, s: Statement, context: Any = None) -> None:
        """Run a statement on both sides. context: what torch runs in."""
        self.done.append(s)
        with warnings.catch_warnings(), context or nullcontext():
            warnings.simplefilter("ignore")
            self.theirs.run(s.code)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", tapegrad.TapegradWarning)
            self.ours.run(s.code)
        mine = set(refs_to(s.binds, self.ours.names.get(s.binds)))
        for ref in refs_to(s.binds, self.theirs.names.get(s.binds)):
            if ref in mine and ref not in self.refs:
                self.refs.append(ref)

    def step(self, s: Statement) -> None:
        """Run a statement on both sides and compare. Raises: Difference; Over where the program ends."""
        # Only a statement that sets strides leaves no trace of those that were there before.
        self.elsewhere = "as_strided_" in s.text and any(map(self._lies_otherwise, self.refs))
        before = [(ref, a, values_of(a).copy()) for _, ref, a, _ in self.pairs() if a is not None]
        self.execute(s)
        try:
            self._compare_errors(s, before)
            self._compare_results(s)
            self.compare()
        except Difference as found:
            if reason := self.deviation(found):
                raise Over(reason) from None
            raise

    def deviation(self, found: Difference) -> str:
        """The reason, if the difference is a known one."""
        program = "\n".join([*[s.text for s in self.done[:-1]], f">>> {self.done[-1].text}"])
        both = f"ours {self.ours.error!r} torch {self.theirs.error!r} {found}"
        if known := reason(found.what, program, both, self):
            return known
        if self._by_layout(found) and (self.elsewhere or any(map(self._lies_otherwise, self.refs))):
            return "results lie otherwise in memory, so that reshape is a view in one and a copy in the other"
        return ""

    def _by_layout(self, found: Difference) -> bool:
        """Whether a difference is of a kind that comes from where elements lie."""
        if found.what == "flags":
            return re.search("reshape|flatten|ravel|contiguous", self.done[-1].text) is not None
        return found.what in ("value", "error", "identity")

    def _lies_otherwise(self, ref: str) -> bool:
        """Whether a tensor has other strides than torch's: those of results are no promise."""
        a, b = self.ours.tensor(ref), self.theirs.tensor(ref)
        steps = zip(a.shape, a.stride(), b.stride(), strict=True) if a.numel() else ()
        return any(n > 1 and i != j for n, i, j in steps)

    def _compare_errors(self, s: Statement, before: Sequence[tuple[str, Any, Any]]) -> None:
        ours, theirs = self.ours.error, self.theirs.error
        if ours is None and theirs is None:
            return
        if type(ours) is not type(theirs):
            raise Difference("error", f"{ours!r:.300} and torch {theirs!r:.300}")
        if "\n" in s.text:
            raise Over("an error inside a block")
        for ref, a, old in before:
            if not equal(values_of(a), old):
                raise Difference("changed", f"{ref} was changed by a statement that failed")
        try:
            self.compare()
        except Difference:
            raise Over("torch did a part of what it then refused") from None
        if re.search("second time|modified by an inplace|not have been used|is not implemented", str(theirs)):
            raise Over("torch may have done a part of what it then refused")

    def _compare_results(self, s: Statement) -> None:
        if s.binds not in self.theirs.names or self.theirs.error is not None:
            return
        x, y = self.ours.names.get(s.binds), self.theirs.names.get(s.binds)
        xs, ys = ((v if isinstance(v, (tuple, list)) else [v]) for v in (x, y))
        if len(xs) != len(ys) or [is_tensor(a) for a in xs] != [is_tensor(b) for b in ys]:
            raise Difference("result", f"{s.binds} is {x!r:.200} and torch {y!r:.200}")
        for a, b in zip(xs[:MANY], ys[:MANY], strict=True):
            if is_tensor(b):
                mine, other = self._first(self.ours, a), self._first(self.theirs, b)
                if mine != other:
                    raise Difference("identity", f"{s.binds} is {mine} and torch {other}")
            elif isinstance(b, float):
                _check_close(s.binds, np.asarray(a), np.asarray(b), np.float32, "result")
            elif type(a) is type(b) and isinstance(b, (bool, int)) and a != b:
                raise Difference("result", f"{s.binds} is {a!r} and torch {b!r}")

    def _first(self, side: Side, t: Any) -> str:
        """The oldest name of this very tensor."""
        return next(ref for ref in self.refs if side.tensor(ref) is t)

    # ---- what can be seen

    def pairs(self) -> Iterator[tuple[str, str, Any, Any]]:
        """All tensors that can be seen, as (what, expression, ours, torch's): values, gradients of those that
        keep them (these may be None), and what hooks have seen."""
        for ref in self.refs:
            a, b = self.ours.tensor(ref), self.theirs.tensor(ref)
            yield "value", ref, a, b
            kept = [_keeps_gradient(a), _keeps_gradient(b)]
            if kept == [True, True]:
                yield "gradient", f"{ref}.grad", a.grad, b.grad
        mine, others = self.ours.names["seen"], self.theirs.names["seen"]
        for hook in mine.keys() & others.keys():
            for i, (g, h) in enumerate(zip(mine[hook], others[hook], strict=False)):
                yield "gradient", f"seen[{hook}][{i}]", g, h

    def compare(self) -> None:
        """Everything that can be seen. Raises: Difference; Over if torch finds a tensor unusable as we do."""
        for what, ref, a, b in self.pairs():
            if (a is None) != (b is None):
                raise Difference("flags", f"{ref} is {a!r:.200} and torch {b!r:.200}")
            if b is not None:
                x, y = values_of(a), values_of(b)
                if not equal(x, y):
                    _check_close(ref, x, y, None, what)
                    put(b, x)
                mine, other = flags(a), flags(b)
                if mine != other:
                    raise Difference("flags", f"of {ref}: {mine} and torch {other}")
                if "error" in other:
                    raise Over("a tensor that cannot be used any more")
        ours, theirs = ({k: len(v) for k, v in s.names["seen"].items()} for s in (self.ours, self.theirs))
        if ours != theirs:
            raise Difference("flags", f"hooks ran {ours} times and torch's {theirs} times")

    def adopt(self, change: Callable[[Any], Any] = lambda x: x) -> None:
        """Set torch's tensors to tapegrad's values, or to a change of these."""
        for _, _, a, b in self.pairs():
            if a is not None and b is not None:
                x, y = values_of(a), values_of(b)
                if x.dtype == y.dtype and x.shape == y.shape:
                    put(b, change(x))

    def check_owners(self) -> None:
        """A gradient is its leaf's own: no other tensor shows its memory, unless torch's does too."""
        tensors = [(a, b) for _, _, a, b in self.pairs() if a is not None and b is not None]
        for what, ref, g, h in self.pairs():
            if what == "gradient" and g is not None and h is not None and isinstance(g._a, np.ndarray):
                for a, b in tensors:
                    theirs = h.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()
                    if g is not a and not theirs and np.shares_memory(g._a, np.asarray(a._a)):
                        raise Difference("shared", f"{ref} shares its memory with another tensor")


def _keeps_gradient(t: Any) -> bool:
    """Whether .grad means something: of leaves, and of those that retain it.

    It looks at grad_fn first: torch 2.13 crashes in register_hook() of a view whose base was written in
    no_grad and whose node nobody has looked at since.
    """
    try:
        return t.grad_fn is None or bool(t.is_leaf or t.retains_grad)
    except RuntimeError:  # torch looks whether a view may still be used
        return False


def flags(t: Any) -> dict[str, Any]:
    """What a tensor says of its place in the graph."""
    try:
        graph = t.grad_fn is not None
    except RuntimeError as error:  # torch looks whether a view may still be used
        return {"error": type(error).__name__}
    return {"requires_grad": t.requires_grad, "is_leaf": t.is_leaf, "graph": graph, "retains": t.retains_grad}


def _check_close(ref: str, x: Any, y: Any, dtype: Any = None, what: str = "value") -> None:
    if x.dtype != y.dtype or x.shape != y.shape:
        raise Difference(what, f"{ref} is {x.dtype}{list(x.shape)} and torch {y.dtype}{list(y.shape)}")
    x, y = (x, y) if dtype is None else (x.astype(dtype), y.astype(dtype))
    good = close(x, y)
    if not good.all():
        at = np.flatnonzero(~good)[:4]
        where = f"{ref}, {x.dtype}{list(x.shape)}, at {at.tolist()}"
        raise Difference(what, f"{where}: {x.reshape(-1)[at]} and torch {y.reshape(-1)[at]}")


def text_of(statements: Sequence[Statement]) -> str:
    """A program as text that runs on torch; with `import tapegrad as torch` on tapegrad."""
    return "\n".join([HEADER, *[s.text for s in statements]])

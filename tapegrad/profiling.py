"""profile(): where the time and the memory of a piece of program go, per operation and per line."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from types import CodeType
from typing import Any

from numpy import ndarray

from tapegrad._errors import Lines, caller, choices
from tapegrad._files import atomic_write
from tapegrad._tables import html, size, text
from tapegrad.levels import arrays_of
from tapegrad.observers import Observer
from tapegrad.tape import Node
from tapegrad.tiers import native_calls

__all__ = ["Profile", "Total", "profile"]

_SHOWN = 20  # rows of a printed table
_COLUMNS = ("op", "line")


@dataclass(frozen=True, slots=True)
class Event:
    """An operation, or the backward of one. start, time: in nanoseconds, from the profile's beginning; bytes:
    of the arrays that it made; native: whether machine code ran; code, lasti: where it was called, or where
    its forward was."""

    name: str
    start: int
    time: int
    bytes: int
    native: bool
    code: CodeType
    lasti: int


@dataclass(frozen=True, slots=True)
class Total:
    """All events of one operation or line: seconds, how many, the bytes that they made, and in how many of
    them machine code ran."""

    key: str
    seconds: float
    count: int
    bytes: int
    native: int


class Profile(Observer):
    """What `profile()` watches. `str()` is a table per operation; `totals`, `table` and `save` give more."""

    __slots__ = ("_calls", "_last", "_lines", "_start", "events")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._lines = Lines()
        self._start = self._last = self._calls = 0

    def __enter__(self) -> Profile:
        super().__enter__()
        self._calls = native_calls()
        self._start = self._last = perf_counter_ns()
        return self

    def __call__(self, op: Any, xs: Sequence[Any], args: Any, y: Any, node: Node | None) -> None:
        """An operation has run, since the one before it ended."""
        now = perf_counter_ns()
        self._add(op.name, now, _made(y), *caller(2))

    def begin(self, roots: Sequence[Node], deposits: bool) -> None:
        """A sweep begins."""
        self._last = perf_counter_ns()

    def swept(self, n: Node, g: Any, below: Any) -> None:
        """A rule has run."""
        now = perf_counter_ns()
        made = sum([_made(x) for x in below if x is not None and x is not g])
        self._add(f"{n.op.name} backward", now, made, n.code, n.lasti)

    def _add(self, name: str, now: int, made: int, code: CodeType, lasti: int) -> None:
        last = self._last
        calls = native_calls()
        native, self._calls = calls > self._calls, calls
        self.events.append(Event(name, last - self._start, now - last, made, native, code, lasti))
        self._last = perf_counter_ns()  # what the profile itself takes counts for nothing

    # ---- what came of it

    def totals(self, by: str = "op") -> list[Total]:
        """A row per operation, or per line with by="line", the longest first.

        Raises: ValueError for another `by`.
        """
        if by not in _COLUMNS:
            raise ValueError(f"profile: by is {by!r}; {choices(_COLUMNS)} is needed.")
        sums: dict[str, list[int]] = {}
        for e in self.events:
            key = e.name if by == "op" else "  ".join(self._lines.of(e.code, e.lasti))
            total = sums.setdefault(key, [0, 0, 0, 0])
            for i, x in enumerate((e.time, 1, e.bytes, int(e.native))):
                total[i] += x
        rows = [Total(key, time / 1e9, *rest) for key, (time, *rest) in sums.items()]
        return sorted(rows, key=lambda row: -row.seconds)

    def _rows(self, by: str) -> tuple[list[str], list[list[str]]]:
        totals = self.totals(by)
        whole = sum(row.seconds for row in totals) or 1.0
        rows = [
            [
                *(duration(row.seconds), f"{100 * row.seconds / whole:.1f} %", str(row.count)),
                *(duration(row.seconds / row.count), size(row.bytes), _tier(row), row.key),
            ]
            for row in totals[:_SHOWN]
        ]
        return ["time", "share", "calls", "per call", "memory", "tier", by], rows

    def table(self, by: str = "op") -> str:
        """The longest 20 rows of `totals(by)` as text."""
        return text(*self._rows(by))

    def __str__(self) -> str:
        return self.table()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html(*self._rows("op"))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all events as a trace that chrome://tracing and https://ui.perfetto.dev show.

        Raises: OSError if the file cannot be written.
        """
        process, thread = os.getpid(), threading.get_native_id()
        events = [
            {
                "name": e.name,
                "cat": "backward" if e.name.endswith(" backward") else "forward",
                "ph": "X",
                "ts": e.start / 1e3,
                "dur": e.time / 1e3,
                "pid": process,
                "tid": thread,
                "args": {
                    "line": self._lines.of(e.code, e.lasti)[0],
                    "bytes": e.bytes,
                    "tier": "native" if e.native else "numpy",
                },
            }
            for e in self.events
        ]
        atomic_write(path, json.dumps({"traceEvents": events}))


def profile() -> Profile:
    """Watch a block: `with profile() as p: step()`, then `print(p)`, `print(p.table("line"))`, `p.save(...)`.

    An operation's time runs from the end of the one before it, so it includes the Python that led to it.
    Watched operations take the careful way, which makes small ones slower; operations inside others, and
    optimizers' updates, are not seen one by one, and recurrent layers run step by step. It watches the thread
    that opened it.
    """
    return Profile()


def _made(y: Any) -> int:
    """The bytes of arrays that are new: views cost nothing."""
    return sum([a.nbytes for a in arrays_of(y) if type(a) is ndarray and a.base is None])


def _tier(row: Total) -> str:
    """What computed: NumPy, machine code, or both."""
    return "numpy" if not row.native else "native" if row.native == row.count else "both"


def duration(seconds: float) -> str:
    """A time with its unit: 1.50 ms."""
    unit, scale = ("s", 1.0) if seconds >= 1 else ("ms", 1e3) if seconds >= 1e-3 else ("us", 1e6)
    return f"{seconds * scale:.2f} {unit}"

"""torch.profiler: torch's names for `tapegrad.profile()`, which says more in fewer words."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable
from contextlib import ContextDecorator
from dataclasses import dataclass
from enum import Enum
from time import perf_counter_ns, time_ns
from types import CodeType
from typing import Any

from tapegrad._errors import caller, choices
from tapegrad._state import watch
from tapegrad._tables import size, text
from tapegrad.absent import missing
from tapegrad.profiling import Event, Profile, duration

__all__ = [
    "ProfilerAction",
    "ProfilerActivity",
    "profile",
    "record_function",
    "schedule",
    "supported_activities",
    "tensorboard_trace_handler",
]

ProfilerActivity = Enum("ProfilerActivity", ["CPU", "XPU", "MTIA", "CUDA", "HPU", "PrivateUse1"], start=0)
ProfilerAction = Enum("ProfilerAction", ["NONE", "WARMUP", "RECORD", "RECORD_AND_SAVE"], start=0)
Schedule = Callable[[int], ProfilerAction]


def supported_activities() -> set[ProfilerActivity]:
    """What can be watched: the CPU."""
    return {ProfilerActivity.CPU}


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0, skip_first_wait: int = 0
) -> Schedule:
    """Which steps are watched: after skip_first of them, over and over or `repeat` times, `active` ones after
    wait + warmup others. skip_first_wait: the first time without `wait`.

    Raises: AssertionError for numbers below 0, or active=0. Source: torch.profiler.schedule.
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active <= 0:
        raise AssertionError(
            f"schedule: wait is {wait}, warmup {warmup}, active {active}, repeat {repeat} and skip_first "
            f"{skip_first}; active must be 1 or more, and the others 0 or more."
        )
    length = wait + warmup + active

    def action(step: int) -> ProfilerAction:
        if step < skip_first:
            return ProfilerAction.NONE
        step += (wait if skip_first_wait else 0) - skip_first
        at = step % length
        if (repeat and step >= repeat * length) or at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD_AND_SAVE if at == length - 1 else ProfilerAction.RECORD

    return action


# ---- what is watched


class _Watched(Profile):
    """A Profile that also knows the ranges that the user has named."""

    __slots__ = ("ranges",)

    def __init__(self) -> None:
        super().__init__()
        self.ranges: list[Event] = []

    def named(self, name: str, begin: int, code: CodeType, lasti: int) -> None:
        """A range has ended, which began at that time."""
        now = perf_counter_ns()
        self.ranges.append(Event(name, begin - self._start, now - begin, 0, False, code, lasti))


class record_function(ContextDecorator):
    """A block, or the calls of a function, that profiles show under a name. Source:
    torch.profiler.record_function."""

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args

    def __enter__(self) -> record_function:
        self._begin = perf_counter_ns()
        return self

    def __exit__(self, *_: object) -> None:
        for observer in watch().observers:
            if isinstance(observer, _Watched):
                observer.named(self.name, self._begin, *caller(2))


# ---- what came of it


@dataclass(slots=True)
class Average:
    """All events of one name: how many, their microseconds and bytes; `self_` without what ran inside."""

    key: str
    count: int = 0
    cpu_time_total: float = 0.0
    self_cpu_time_total: float = 0.0
    cpu_memory_usage: int = 0
    self_cpu_memory_usage: int = 0
    is_user_annotation: bool = False

    @property
    def name(self) -> str:
        """The key."""
        return self.key

    @property
    def cpu_time(self) -> float:
        """The mean time in microseconds."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def device_time_total(self) -> float:
        """0: there is no other device."""
        return 0.0

    cuda_time = cuda_time_total = self_cuda_time_total = self_device_time_total = device_time_total
    device_time = device_memory_usage = self_device_memory_usage = device_time_total

    def add(self, other: Average) -> Average:
        """Count another in."""
        self.count += other.count
        self.cpu_time_total += other.cpu_time_total
        self.self_cpu_time_total += other.self_cpu_time_total
        self.cpu_memory_usage += other.cpu_memory_usage
        self.self_cpu_memory_usage += other.self_cpu_memory_usage
        return self


_COLUMNS = (
    *("Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total"),
    *("CPU time avg", "CPU Mem", "Self CPU Mem", "# of Calls"),
)
_ORDERS = (
    *(
        "cpu_time",
        "cpu_time_total",
        "cpu_memory_usage",
        "self_cpu_time_total",
        "self_cpu_memory_usage",
        "count",
    ),
    *("cuda_time", "cuda_time_total", "self_cuda_time_total", "device_time_total", "self_device_time_total"),
)


class EventList(list[Average]):
    """Events or their averages, with torch's methods."""

    @property
    def self_cpu_time_total(self) -> float:
        """The whole time, in microseconds."""
        return sum(e.self_cpu_time_total for e in self)

    def total_average(self) -> Average:
        """All of them as one."""
        total = Average("Total")
        for e in self:
            total.add(e)
        return total

    def key_averages(self, *_: Any) -> EventList:
        """One entry per name."""
        found: dict[str, Average] = {}
        for e in self:
            found.setdefault(e.key, Average(e.key, is_user_annotation=e.is_user_annotation)).add(e)
        return EventList(found.values())

    def table(
        self, sort_by: str | None = None, row_limit: int = 100, header: str | None = None, **_: Any
    ) -> str:
        """Them as text, the largest of `sort_by` first. Raises: AttributeError for another order."""
        if sort_by is not None and sort_by not in _ORDERS:
            raise AttributeError(f"table: sort_by is {sort_by!r}; {choices(_ORDERS)} is needed.")
        rows = list(self) if sort_by is None else sorted(self, key=lambda e: -getattr(e, sort_by))
        whole = self.self_cpu_time_total or 1.0
        shown = [
            (
                *(
                    e.key,
                    f"{100 * e.self_cpu_time_total / whole:.2f}%",
                    duration(e.self_cpu_time_total / 1e6),
                ),
                *(f"{100 * e.cpu_time_total / whole:.2f}%", duration(e.cpu_time_total / 1e6)),
                *(duration(e.cpu_time / 1e6), size(e.cpu_memory_usage), size(e.self_cpu_memory_usage)),
                str(e.count),
            )
            for e in rows[: None if row_limit < 0 else row_limit]
        ]
        table = text(_COLUMNS, shown)
        total = f"Self CPU time total: {duration(self.self_cpu_time_total / 1e6)}"
        return "\n".join([*([header] if header else []), table, total])

    def __str__(self) -> str:
        return self.table()


def _events(watched: _Watched) -> EventList:
    """Operations and ranges, in the order of their beginnings."""
    own: dict[int, float] = {}
    ranges = sorted(watched.ranges, key=lambda r: r.time)
    found = [
        (e.start, Average(e.name, 1, e.time / 1e3, e.time / 1e3, e.bytes, e.bytes)) for e in watched.events
    ]
    for r in ranges:  # the inner ones first
        end = r.start + r.time
        covered = sum(max(0, min(e.start + e.time, end) - max(e.start, r.start)) for e in watched.events)
        inner = [o for o in ranges if id(o) in own and o.start >= r.start and o.start + o.time <= end]
        own[id(r)] = (r.time - covered) / 1e3 - sum(own[id(o)] for o in inner)
        made = sum(e.bytes for e in watched.events if r.start < e.start + e.time <= end)
        found.append((r.start, Average(r.name, 1, r.time / 1e3, own[id(r)], made, 0, True)))
    return EventList(e for _, e in sorted(found, key=lambda pair: pair[0]))


class profile:
    """A block whose operations are watched; then `p.key_averages().table(sort_by="cpu_time_total")`.

    schedule: which steps are watched, where `p.step()` ends each; on_trace_ready(p) is called at the end of
    each cycle, else at the end of the block. What else torch has is accepted: operations of the CPU are
    watched, with their lines and their memory, in the thread of the block (see `tapegrad.profile`).
    Source: torch.profiler.profile.
    """

    def __init__(
        self,
        *,
        activities: Iterable[Any] | None = None,
        schedule: Schedule | None = None,
        on_trace_ready: Callable[[Any], Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        execution_trace_observer: Any = None,
        acc_events: bool = False,
        use_cuda: bool | None = None,
    ) -> None:
        self.schedule = schedule or (lambda _: ProfilerAction.RECORD)
        self.on_trace_ready, self.step_num = on_trace_ready, 0
        self.current_action = ProfilerAction.NONE
        self._watched: _Watched | None = None

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin."""
        self._follow(self.schedule(self.step_num))

    def step(self) -> None:
        """A step of the program has ended."""
        self.step_num += 1
        self._follow(self.schedule(self.step_num))

    def stop(self) -> None:
        """End."""
        was, self.current_action = self.current_action, ProfilerAction.NONE
        if was in _WATCHING:
            self._end()

    def _follow(self, action: ProfilerAction) -> None:
        was, self.current_action = self.current_action, action
        if was is ProfilerAction.RECORD_AND_SAVE or (was in _WATCHING and action not in _WATCHING):
            self._end()
            was = ProfilerAction.NONE
        if action in _WATCHING and was not in _WATCHING:
            self._watched = _Watched()
            self._watched.__enter__()

    def _end(self) -> None:
        assert self._watched is not None
        self._watched.__exit__()
        if self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def _found(self) -> _Watched:
        if self._watched is None:
            raise AssertionError("profile: nothing was watched; use it as a block, or call start() before.")
        return self._watched

    def events(self) -> EventList:
        """What ran. Raises: AssertionError if nothing was watched."""
        return _events(self._found())

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0, **_: Any
    ) -> EventList:
        """What ran, per operation and named range. Raises: AssertionError if nothing was watched."""
        return self.events().key_averages()

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write it for chrome://tracing. Raises: AssertionError if nothing was watched, OSError."""
        found = self._found()
        whole = Profile()
        whole.events = [*found.ranges, *found.events]
        whole.save(path)


_WATCHING = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False, use_python_export: bool = False
) -> Callable[[Any], None]:
    """An on_trace_ready that writes each trace into a folder, under a new name. use_gzip: accepted.

    Source: torch.profiler.tensorboard_trace_handler.
    """

    def write(prof: Any) -> None:
        os.makedirs(dir_name, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        prof.export_chrome_trace(os.path.join(dir_name, f"{worker}.{time_ns()}.pt.trace.json"))

    return write


def __getattr__(name: str) -> Any:
    raise missing("torch.profiler", name)

"""Which tiers compute: NumPy from the start, machine code once it can pay.

The native tier takes some hundredths of a second to load. It wakes up in two stages. What does small arrays
good is loaded when many operations were run, or parameters updated: its results are NumPy's to the bit; and
when a function is first called for which NumPy takes many steps (softmax, the special functions): machine
code rounds otherwise there, and computes it from the first call on. All of it, with the kernels that take the
places of NumPy's, is loaded when a large array appears. Where it cannot run it stays off, and `python -m
tapegrad info` says why.
"""

from __future__ import annotations

import gc
import os
from functools import partial
from importlib import import_module
from threading import RLock
from typing import Any

from tapegrad._state import tier
from tapegrad.kernels import standing

__all__ = ["empty_cache", "memory_stats", "native_state"]

_lock = RLock()
_state: dict[str, Any] = {"native": "asleep until it can pay"}


def wake(large: bool = True) -> None:
    """Start the native tier, if it can run here: all of it, or what small arrays have of it."""
    with _lock:
        if (tier.large if large else tier.late) == tier.NEVER:
            return
        tier.late = tier.often = tier.NEVER
        if large:
            tier.large = tier.NEVER
        collecting = gc.isenabled()
        gc.disable()  # all that is made there stays, and looking through everything takes as long as starting
        try:
            _start(large)
        except Exception as e:  # noqa: BLE001 # whatever fails there, NumPy computes, and `info` says why
            tier.large = tier.NEVER
            _state["native"] = f"off: {e}"
        finally:
            if collecting:
                gc.enable()


def _start(large: bool) -> None:
    """Load the native tier and let machine code take its places. Raises: Unavailable, among others."""
    target, runtime = (import_module(f"tapegrad.native.{name}") for name in ("target", "runtime"))
    runtime.start()
    standing.settle()
    _state.update(calls=runtime.calls, set_threads=runtime.set_threads)
    kernels: Any = import_module("tapegrad.native.kernels")
    kernels.install(kernels.STAND_INS if large else kernels.SMALL)
    if large:
        runtime.set_threads(threads())
    machine: Any = import_module("tapegrad.define.machine")
    machine.install(large)
    tier.learn = partial(machine.install, large)
    state = f"on: {target.host().name}{'' if target.tested() else ' (not tested on this platform)'}"
    _state["native"] = (
        state if large else f"{state}, but for small operations only until a large array appears"
    )


def threads() -> int:
    """How many threads share a loop: what `set_threads` set, TAPEGRAD_NUM_THREADS, or the cores that this
    process may use."""
    given = os.environ.get("TAPEGRAD_NUM_THREADS", "")
    if n := _state.get("threads"):
        return int(n)
    if given.isdecimal() and int(given) > 0:
        return int(given)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_threads(n: int) -> None:
    """Let n threads share a loop."""
    _state["threads"] = n
    if "set_threads" in _state:
        _state["set_threads"](n)


def native_state() -> str:
    """In words: on, asleep, or off and why."""
    return str(_state["native"])


def native_calls() -> int:
    """How often machine code was called in this process."""
    return int(_state["calls"]()) if "calls" in _state else 0


def memory_stats() -> dict[str, int]:
    """What the native tier's memory holds, in bytes; how often a block was used again."""
    memory: Any = import_module("tapegrad.native.memory")
    return dict(memory.stats())


def empty_cache() -> None:
    """Give back to the system what is kept for reuse."""
    import_module("tapegrad.native.memory").release()


if os.environ.get("TAPEGRAD_NATIVE", "") == "0":
    tier.large = tier.late = tier.often = tier.NEVER
    _state["native"] = "off: TAPEGRAD_NATIVE=0"
tier.wake = wake

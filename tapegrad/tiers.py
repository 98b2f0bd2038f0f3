"""Which tiers compute: NumPy from the start, machine code once a large array appears or many operations
were recorded.

The native tier costs a tenth of a second to load, so nothing of it is imported before it can pay. Where it
cannot run it stays off, and `python -m tapegrad info` says why.
"""

from __future__ import annotations

import os
from importlib import import_module
from threading import RLock
from typing import Any

from tapegrad._state import tier

__all__ = ["empty_cache", "memory_stats", "native_state"]

_lock = RLock()
_state: dict[str, Any] = {"native": "asleep until the first large array or many operations"}


def wake() -> None:
    """Start the native tier, if it can run here."""
    with _lock:
        if tier.large == tier.NEVER:
            return
        tier.large = tier.late = tier.NEVER
        try:
            _start()
        except Exception as e:  # noqa: BLE001 # whatever fails there, NumPy computes, and `info` says why
            _state["native"] = f"off: {e}"


def _start() -> None:
    """Load the native tier and let its kernels take their places. Raises: Unavailable, among others."""
    target, runtime, choice, kernels = (
        import_module(f"tapegrad.native.{name}") for name in ("target", "runtime", "choice", "kernels")
    )
    runtime.start()
    for name in kernels.MODULES:
        import_module(f"tapegrad.native.kernels.{name}")
    machine: Any = import_module("tapegrad.define.machine")
    choice.install()
    machine.install()
    tier.learn = machine.install
    _state.update(calls=runtime.calls, set_threads=runtime.set_threads)
    runtime.set_threads(threads())
    _state["native"] = f"on: {target.host().name}"


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
    tier.large = tier.late = tier.NEVER
    _state["native"] = "off: TAPEGRAD_NATIVE=0"
tier.wake = wake

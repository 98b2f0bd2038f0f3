"""What all kernels share, compiled once: the pool of threads, the look into arrays; and the memory."""

from __future__ import annotations

import _thread
import ctypes
import os
import sys
from functools import cache
from typing import Any

import numpy as np

from tapegrad.native import call, memory, pool, small, target
from tapegrad.native.ir import Module

_EXPORTS = (
    "tapegrad_parallel",
    "tapegrad_worker",
    "tapegrad_threads",
    "tapegrad_types",
    "tapegrad_data",
    "tapegrad_none",
    "tapegrad_array_type",
    "tapegrad_count",
    "tapegrad_call",
)
_state: dict[str, Any] = {"workers": 0}


@cache
def start() -> None:
    """Compile the runtime and start the workers. Raises: Unavailable where there can be no machine code."""
    if sys.platform == "win32":  # memory and threads are asked for as POSIX has them
        raise target.Unavailable("Windows is not supported; NumPy computes everything")
    if sys.implementation.name != "cpython" or "t" in sys.abiflags:
        raise target.Unavailable(f"{sys.implementation.name} without its lock is not supported")
    call.check_layout()
    module = Module()
    pool.write(module)
    call.write_data(module)
    call.write_call(module)
    call.provide({"tapegrad_new_array": small.new_array()})
    addresses = dict(
        zip(_EXPORTS, target.compile("runtime", module, _EXPORTS, call.symbols(module)), strict=True)
    )
    call.provide(addresses)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(addresses["tapegrad_types"])(
        id(np.ndarray), id(None)
    )
    _state["set"] = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(addresses["tapegrad_threads"])
    memory.start()
    _state["count"] = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(addresses["tapegrad_count"])
    _state["worker"] = call.builtin(addresses["tapegrad_worker"], "worker")
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forked)
    set_threads(1)


def calls() -> int:
    """How often machine code was called in this process."""
    return int(_state["count"](0)) if "count" in _state else 0


_MOST = max(2, os.cpu_count() or 1)  # threads: more than cores would only wait for each other


def set_threads(n: int) -> None:
    """Let n threads share a loop, or as many as there are cores."""
    n = min(n, _MOST)
    _state["set"](n, 0)
    while _state["workers"] < n - 1:
        _thread.start_new_thread(_state["worker"], ())
        _state["workers"] += 1
    _state["threads"] = n


def threads() -> int:
    """How many threads may share a loop: a kernel's `who` is less, whatever another thread sets meanwhile."""
    return _MOST


def working() -> int:
    """How many threads share a loop now. For plans, not for memory: another thread may set it meanwhile."""
    return int(_state["threads"])


def _forked() -> None:
    """A child has none of its parent's threads: it starts its own."""
    _state["workers"] = 0
    _state["set"](_state["threads"], 1)
    set_threads(_state["threads"])

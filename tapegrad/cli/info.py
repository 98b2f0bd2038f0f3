"""python -m tapegrad info: versions, processor, threads, and which tiers are on."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib import import_module, metadata
from typing import Any

import numpy as np

import tapegrad
from tapegrad import tiers
from tapegrad._tables import size, text

FEATURES = ("AVX2", "FMA3", "AVX512F", "AVX512BW", "NEON", "ASIMD", "SVE")


def add_parser(commands: Any) -> None:
    """Add the command to a parser's subcommands."""
    p = commands.add_parser(
        "info", help="versions, processor, threads, tiers", description="What runs where."
    )
    p.add_argument("--kernels", action="store_true", help="the compiled kernels on disk, and where they are")
    p.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a line per fact, or per kernel."""
    if arguments.kernels:
        sys.stdout.write(kernels() + "\n")
        return 0
    for name, value in facts():
        sys.stdout.write(f"{name:<12} {value}\n")
    return 0


def kernels() -> str:
    """The kernels in the cache: for which processor, how long they took to compile, how large they are."""
    disk: Any = import_module("tapegrad.native.cache")
    state, place, found = _native(), disk.folder(), disk.entries()
    used = {k.name: k for k in import_module("tapegrad.native.target").log}
    rows = []
    for e in sorted(found, key=lambda e: str(e["name"])):
        loaded = used.get(e["name"])
        took = f"{loaded.seconds * 1e3:.1f} ms" if loaded is not None and loaded.hit else ""
        rows.append(
            [f"{e['seconds'] * 1e3:.0f} ms", took, size(e["bytes"]), str(e["target"]), str(e["name"])]
        )
    head = f"native: {state}; {len(found)} kernels in {place or 'no folder that is safe to use'}"
    return head + ("\n" + text(["compiled", "loaded", "size", "for", "kernel"], rows) if rows else "")


def facts() -> list[tuple[str, str]]:
    """Names and values, as `info` prints them."""
    return [
        ("tapegrad", tapegrad.__version__),
        ("python", f"{platform.python_version()} ({platform.python_implementation()})"),
        ("numpy", np.__version__),
        ("llvmlite", _version("llvmlite")),
        ("torch", f"{_version('torch')} (only for comparisons)"),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("processor", _processor()),
        ("features", ", ".join(f for f in FEATURES if _cpu().get(f)) or "unknown"),
        ("threads", f"{_cores()} cores; BLAS: {_blas()}"),
        ("tier numpy", "on"),
        ("tier native", _native()),
        ("tier compile", "off: compile() is not part of this version"),
    ]


def _native() -> str:
    """Whether machine code runs here: it is tried."""
    tiers.wake()
    return tiers.native_state()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _cpu() -> dict[str, bool]:
    """NumPy's own list of what the processor can do."""
    try:
        return dict(import_module("numpy._core._multiarray_umath").__cpu_features__)
    except (ImportError, AttributeError):  # a later NumPy may move its private parts
        return {}


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            for line in f:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _blas() -> str:
    config: Any = np.show_config(mode="dicts")
    found = config.get("Build Dependencies", {}).get("blas", {})
    return f"{found.get('name', 'unknown')} {found.get('version', '')}".strip()

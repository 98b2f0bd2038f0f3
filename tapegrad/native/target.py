"""The machine: what its processor has, and from LLVM's text to functions in memory."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from threading import RLock
from typing import Any

from tapegrad.native import cache as disk
from tapegrad.native.image import Image, linked, placed
from tapegrad.native.ir import F32, Module, Type, vector


@dataclass(frozen=True)
class Target:
    """A kind of processor: its name for people, LLVM's name and features of it, the bytes of a vector
    register, and how many there are."""

    name: str
    cpu: str
    features: str
    vector: int
    registers: int
    triple: str = ""

    def lanes(self, t: Type) -> int:
        """How many elements a register holds."""
        return self.vector // t.bytes

    def wide(self, t: Type = F32) -> Type:
        """The vector type of a whole register."""
        return vector(t, self.lanes(t))


# What is compiled without being run here: tests verify it.
NEON = Target("neon", "generic", "+neon", 16, 32, "aarch64-unknown-linux-gnu")
AVX2 = Target("avx2", "haswell", "", 32, 16)
AVX512 = Target("avx512", "skylake-avx512", "-prefer-256-bit", 64, 32)


class Unavailable(Exception):
    """Why there can be no machine code here."""


@dataclass
class Compiled:
    """What is known about a compiled module: seconds, and whether the disk had it."""

    name: str
    seconds: float
    hit: bool
    bytes: int


_FACTS = Image._fields[1:]
_MISSING = "llvmlite cannot be imported ({}); pip install llvmlite"
log: list[Compiled] = []
_lock = RLock()


@cache
def llvm() -> Any:
    """llvmlite's binding, ready. Raises: Unavailable without it, or if it is too old."""
    try:
        binding: Any = import_module("llvmlite.binding")
    except (ImportError, OSError) as e:
        raise Unavailable(_MISSING.format(e)) from None
    if binding.llvm_version_info[0] < 20:
        raise Unavailable(
            f"llvmlite is for LLVM {binding.llvm_version_info[0]}; version 20 or newer is needed"
        )
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


@cache
def host() -> Target:
    """The processor that this runs on. TAPEGRAD_NATIVE=avx2 takes less than it has.

    Raises: Unavailable if it has no vectors with fused multiply-add.
    """
    name, features = _facts()["cpu"], _facts()["features"]
    has = set(features.split(","))
    wanted = os.environ.get("TAPEGRAD_NATIVE", "")
    if platform.machine().lower() in ("arm64", "aarch64"):
        return Target("neon", name, features, 16, 32)
    if {"+avx512f", "+avx512vl", "+avx512dq"} <= has and wanted != "avx2":
        return Target("avx512", name, features, 64, 32)
    if {"+avx2", "+fma"} <= has:
        return (
            Target("avx2", AVX2.cpu, "", 32, 16)
            if wanted == "avx2"
            else Target("avx2", name, features, 32, 16)
        )
    raise Unavailable(f"the processor ({name}) has neither AVX2 with FMA nor NEON")


@cache
def _facts() -> dict[str, str]:
    """LLVM's version, and what it says of this processor. It is kept on disk: a process that finds its
    kernels there, too, never loads LLVM."""
    processor = _processor()
    place = disk.key("machine", _llvmlite(), processor)
    kept = disk.load(place, disk.MACHINE) if processor else None
    if kept is not None:
        return kept[0]
    binding = llvm()
    facts = {
        "version": ".".join(map(str, binding.llvm_version_info)),
        "cpu": binding.get_host_cpu_name(),
        "features": binding.get_host_cpu_features().flatten(),
    }
    if processor:
        disk.save(place, b"", facts, disk.MACHINE)
    return facts


def _llvmlite() -> str:
    """Which llvmlite is installed. Raises: Unavailable if there is none."""
    try:
        package: Any = import_module("llvmlite")
        about = os.stat(package.__file__)
    except (ImportError, OSError) as e:
        raise Unavailable(_MISSING.format(e)) from None
    return f"{package.__version__} {package.__file__} {about.st_size} {about.st_mtime_ns}"


# What Linux says of a processor that decides which instructions it has, on x86-64 and on ARM.
_LASTING = ("vendor_id", "cpu family", "model", "stepping", "flags", "CPU ", "Features")


def _processor() -> str:
    """What the system says of its first processor, but for what changes; "" where it says nothing."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            first = file.read(1 << 14).partition("\n\n")[0]
    except OSError:
        return ""
    return "\n".join(line for line in first.splitlines() if line.startswith(_LASTING))


def tested() -> bool:
    """Whether this is a platform on which the tests run; on others it should work."""
    return sys.platform == "linux" and platform.machine().lower() in ("x86_64", "amd64")


@cache
def _machine(target: Target) -> Any:
    """LLVM's code generator for a target."""
    binding = llvm()
    if target.triple:
        binding.initialize_all_targets()
        binding.initialize_all_asmprinters()
        kind = binding.Target.from_triple(target.triple)
    else:
        kind = binding.Target.from_default_triple()
    return kind.create_target_machine(
        cpu=target.cpu, features=target.features, opt=2, reloc="pic", codemodel="small"
    )


@cache
def _jit() -> Any:
    """What links object code into the process. It lives as long as the process: threads may run in it."""
    jit = llvm().create_lljit_compiler(_machine(host()), use_jit_link=False)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(jit))
    return jit


def _optimised(text: str, target: Target) -> Any:
    """The module, verified, with variables in registers."""
    binding, machine = llvm(), _machine(target)
    head = f'target triple = "{machine.triple}"\ntarget datalayout = "{machine.target_data}"\n'
    module = binding.parse_assembly(head + text)
    module.verify()
    passes = binding.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_sroa_pass()
    passes.add_simplify_cfg_pass()
    builder = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(speed_level=1))
    passes.run(module, builder)
    return module


def assembly(module: Module, target: Target) -> str:
    """What a module becomes on a target, to read."""
    return str(_machine(target).emit_assembly(_optimised(module.text(), target)))


def compile(name: str, module: Module, exports: Sequence[str], symbols: Mapping[str, int]) -> list[int]:
    """The addresses of a module's functions in memory. symbols: the addresses of what it calls."""
    with _lock:
        start = time.perf_counter()
        text, target = module.text(), host()
        place = disk.key(_facts()["version"], target.cpu, target.features, text)
        kept = disk.load(place)
        if kept is None:
            code = bytes(_machine(target).emit_object(_optimised(text, target)))
            about, code = _prepared(code)
            about.update(name=name, seconds=round(time.perf_counter() - start, 4), target=target.name)
            disk.save(place, code, about)
        else:
            about, code = kept
        if "table" in about:
            found = placed(Image(code, *(about[k] for k in _FACTS)), symbols)
            addresses = [found[export] for export in exports]
        else:
            addresses = _link(f"{name}.{len(log)}", code, exports, symbols)
        log.append(Compiled(name, time.perf_counter() - start, kept is not None, len(code)))
    return addresses


def _prepared(code: bytes) -> tuple[dict[str, Any], bytes]:
    """(what is known of it, the code) of object code as it is kept: an image if there can be one."""
    image = linked(code) if sys.platform == "linux" else None
    return (
        ({}, code)
        if image is None
        else ({k: v for k, v in image._asdict().items() if k != "code"}, image.code)
    )


def _link(name: str, code: bytes, exports: Sequence[str], symbols: Mapping[str, int]) -> list[int]:
    """The same through LLVM's linker, for what is no image."""
    builder = llvm().JITLibraryBuilder().add_object_img(code).add_current_process()
    for export in exports:
        builder = builder.export_symbol(export)
    for symbol, address in symbols.items():
        builder = builder.import_symbol(symbol, address)
    library = builder.link(_jit(), name)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))  # as the linker: for good
    return [library[export] for export in exports]

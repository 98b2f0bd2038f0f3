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


log: list[Compiled] = []
_lock = RLock()


@cache
def llvm() -> Any:
    """llvmlite's binding, ready. Raises: Unavailable without it, or if it is too old."""
    try:
        binding: Any = import_module("llvmlite.binding")
    except (ImportError, OSError) as e:
        raise Unavailable(f"llvmlite cannot be imported ({e}); pip install llvmlite") from None
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
    binding = llvm()
    has = binding.get_host_cpu_features()
    name = binding.get_host_cpu_name()
    wanted = os.environ.get("TAPEGRAD_NATIVE", "")
    if platform.machine().lower() in ("arm64", "aarch64"):
        return Target("neon", name, has.flatten(), 16, 32)
    if has.get("avx512f") and has.get("avx512vl") and has.get("avx512dq") and wanted != "avx2":
        return Target("avx512", name, has.flatten(), 64, 32)
    if has.get("avx2") and has.get("fma"):
        features = "" if wanted == "avx2" else has.flatten()
        return Target("avx2", AVX2.cpu if wanted == "avx2" else name, features, 32, 16)
    raise Unavailable(f"the processor ({name}) has neither AVX2 with FMA nor NEON")


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
        version = ".".join(map(str, llvm().llvm_version_info))
        place = disk.key(version, target.cpu, target.features, text)
        code = disk.load(place)
        hit = code is not None
        if code is None:
            code = bytes(_machine(target).emit_object(_optimised(text, target)))
            took = time.perf_counter() - start
            disk.save(place, code, {"name": name, "seconds": round(took, 4), "target": target.name})
        addresses = _link(f"{name}.{len(log)}", code, exports, symbols)
        log.append(Compiled(name, time.perf_counter() - start, hit, len(code)))
    return addresses


def _link(name: str, code: bytes, exports: Sequence[str], symbols: Mapping[str, int]) -> list[int]:
    builder = llvm().JITLibraryBuilder().add_object_img(code).add_current_process()
    for export in exports:
        builder = builder.export_symbol(export)
    for symbol, address in symbols.items():
        builder = builder.import_symbol(symbol, address)
    library = builder.link(_jit(), name)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))  # as the linker: for good
    return [library[export] for export in exports]

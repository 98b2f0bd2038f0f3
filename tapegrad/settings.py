"""Switches of torch's machinery that scripts set. They are kept, and read back; what computes here is NumPy,
deterministic and in the dtype of the operands, so that most of them change nothing."""

from __future__ import annotations

from typing import Any

from tapegrad import tiers
from tapegrad._errors import say
from tapegrad.devices import check_device, device

__all__ = [
    "are_deterministic_algorithms_enabled",
    "compile",
    "get_default_device",
    "get_deterministic_debug_mode",
    "get_float32_matmul_precision",
    "get_num_interop_threads",
    "get_num_threads",
    "is_deterministic_algorithms_warn_only_enabled",
    "is_warn_always_enabled",
    "set_default_device",
    "set_deterministic_debug_mode",
    "set_float32_matmul_precision",
    "set_flush_denormal",
    "set_num_interop_threads",
    "set_num_threads",
    "set_warn_always",
    "use_deterministic_algorithms",
]

_kept: dict[str, Any] = {"precision": "highest", "deterministic": 0, "warn_always": False}
_MODES = {"default": 0, "warn": 1, "error": 2}
_PRECISIONS = ("highest", "high", "medium")


def get_num_threads() -> int:
    """How many threads a kernel may use: what set_num_threads set, or TAPEGRAD_NUM_THREADS, or the cores that
    the process may use."""
    return tiers.threads()


def set_num_threads(num: int) -> None:
    """How many threads a kernel may use. Raises: RuntimeError unless it is a positive int."""
    if isinstance(num, bool) or not isinstance(num, int) or num < 1:
        raise RuntimeError(f"set_num_threads: {num!r} is given; a positive int is needed.")
    tiers.set_threads(num)


def get_num_interop_threads() -> int:
    """1: operations run one after another."""
    return 1


def set_num_interop_threads(num: int) -> None:
    """Accepted: operations run one after another. Raises: RuntimeError unless it is a positive int."""
    if isinstance(num, bool) or not isinstance(num, int) or num < 1:
        raise RuntimeError(f"set_num_interop_threads: {num!r} is given; a positive int is needed.")


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Kept, and read back: every operation here is deterministic anyway."""
    _kept["deterministic"] = (1 if warn_only else 2) if mode else 0


def are_deterministic_algorithms_enabled() -> bool:
    """Whether use_deterministic_algorithms() was asked for."""
    return bool(_kept["deterministic"])


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether that was with warn_only."""
    return bool(_kept["deterministic"] == 1)


def get_deterministic_debug_mode() -> int:
    """0, 1 (warn) or 2 (error)."""
    return int(_kept["deterministic"])


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """0 or "default", 1 or "warn", 2 or "error"; kept. Raises: RuntimeError for anything else."""
    mode = _MODES.get(debug_mode, debug_mode) if isinstance(debug_mode, str) else debug_mode
    if mode not in (0, 1, 2):
        raise RuntimeError(f"set_deterministic_debug_mode: {debug_mode!r} is given; 0, 1 or 2 is needed.")
    _kept["deterministic"] = mode


def get_float32_matmul_precision() -> str:
    """What set_float32_matmul_precision() set. Products are computed in the dtype of their operands."""
    return str(_kept["precision"])


def set_float32_matmul_precision(precision: str) -> None:
    """ "highest", "high" or "medium"; kept. Others are refused with a warning, as in torch."""
    if precision in _PRECISIONS:
        _kept["precision"] = precision
    else:
        say(
            f"set_float32_matmul_precision: {precision!r} is given; one of {_PRECISIONS} is needed. "
            f"{_kept['precision']!r} stays."
        )


def set_warn_always(b: bool) -> None:
    """Kept: warnings come as Python's filters say."""
    _kept["warn_always"] = bool(b)


def is_warn_always_enabled() -> bool:
    """What set_warn_always() set."""
    return bool(_kept["warn_always"])


def set_flush_denormal(mode: bool) -> bool:
    """Whether that can be set: no. Denormal numbers are computed with."""
    return False


def get_default_device() -> device:
    """The processor."""
    return device("cpu")


def set_default_device(device: Any) -> None:
    """None or "cpu". Raises: as for tensors on other devices."""
    check_device(device, "set_default_device")


def compile(model: Any = None, **options: Any) -> Any:
    """The function or module itself: there is nothing to compile, and results are the same. With options
    only, a decorator. Source: torch.compile."""
    return model if model is not None else lambda f: f

"""CUDA's flags, which may be set. There is no CUDA."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

matmul = SimpleNamespace(
    allow_tf32=False,
    allow_fp16_reduced_precision_reduction=True,
    allow_bf16_reduced_precision_reduction=True,
    fp32_precision="none",
)


def is_built() -> bool:
    """False."""
    return False


# Which kernels attention may use: flags, which nn.attention.sdpa_kernel sets, too. They change nothing.
ALLOWED = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def flash_sdp_enabled() -> bool:
    """Whether flash attention is allowed."""
    return ALLOWED["flash"]


def enable_flash_sdp(enabled: bool) -> None:
    """Allow flash attention, or not."""
    ALLOWED["flash"] = bool(enabled)


def mem_efficient_sdp_enabled() -> bool:
    """Whether memory-efficient attention is allowed."""
    return ALLOWED["mem_efficient"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Allow memory-efficient attention, or not."""
    ALLOWED["mem_efficient"] = bool(enabled)


def math_sdp_enabled() -> bool:
    """Whether attention out of other operations is allowed."""
    return ALLOWED["math"]


def enable_math_sdp(enabled: bool) -> None:
    """Allow attention out of other operations, or not."""
    ALLOWED["math"] = bool(enabled)


def cudnn_sdp_enabled() -> bool:
    """Whether cuDNN's attention is allowed."""
    return ALLOWED["cudnn"]


def enable_cudnn_sdp(enabled: bool) -> None:
    """Allow cuDNN's attention, or not."""
    ALLOWED["cudnn"] = bool(enabled)


@contextmanager
def sdp_kernel(
    enable_flash: bool = True,
    enable_math: bool = True,
    enable_mem_efficient: bool = True,
    enable_cudnn: bool = True,
) -> Iterator[dict[str, Any]]:
    """A block in which these flags are set; attention runs as it always does here."""
    before = dict(ALLOWED)
    ALLOWED.update(flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient)
    ALLOWED["cudnn"] = enable_cudnn
    try:
        yield {}
    finally:
        ALLOWED.update(before)

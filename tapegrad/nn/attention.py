"""torch.nn.attention: which of torch's kernels attention may use. There is one here, whatever is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

from tapegrad._errors import describe
from tapegrad.absent import missing
from tapegrad.backends import cuda

__all__ = ["SDPBackend", "sdpa_kernel"]

WARN_FOR_UNFUSED_KERNELS = False


class SDPBackend(Enum):
    """torch's kernels for scaled_dot_product_attention. Source: torch.nn.attention.SDPBackend."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4

    def __int__(self) -> int:
        return self.value


_FLAGS = {
    SDPBackend.MATH: "math",
    SDPBackend.FLASH_ATTENTION: "flash",
    SDPBackend.EFFICIENT_ATTENTION: "mem_efficient",
    SDPBackend.CUDNN_ATTENTION: "cudnn",
}


@contextmanager
def sdpa_kernel(
    backends: list[SDPBackend] | SDPBackend, set_priority: bool = False
) -> Iterator[dict[str, Any]]:
    """A block, or a decorator, that allows these kernels. The flags of torch.backends.cuda follow it;
    attention runs as ever, also where torch would find no kernel. set_priority: accepted.

    Raises: AssertionError for anything but an SDPBackend or a list of them.
    Source: torch.nn.attention.sdpa_kernel.
    """
    if not isinstance(backends, (list, SDPBackend)):
        raise AssertionError(
            f"sdpa_kernel: backends is {describe(backends)}; an SDPBackend or a list of them is needed."
        )
    allowed = backends if isinstance(backends, list) else [backends]
    before = dict(cuda.ALLOWED)
    cuda.ALLOWED.update({flag: kernel in allowed for kernel, flag in _FLAGS.items()})
    try:
        yield {}
    finally:
        cuda.ALLOWED.update(before)


def __getattr__(name: str) -> Any:
    raise missing("torch.nn.attention", name)

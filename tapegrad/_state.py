"""What a user can set: grad mode and inference mode (per thread), the default dtype."""

from __future__ import annotations

from threading import Lock, local
from typing import Any


class Special:
    """What makes a wrapper leave its fast path. Reading it is all that the fast path pays for these features.

    threads: how many threads are not in the plain mode (grad on, inference off); while it is not zero a
             wrapper asks for its own thread's mode.
    rebased: whether any tensor was written in place under the tape; from then on wrappers bring views up
             to date.
    """

    __slots__ = ("rebased", "threads")

    def __init__(self) -> None:
        self.threads = 0
        self.rebased = False


special = Special()
_lock = Lock()


class _Mode(local):
    grad = True
    inference = False


_mode = _Mode()


def grad_enabled() -> bool:
    """Whether this thread records operations."""
    return _mode.grad


def inference_enabled() -> bool:
    """Whether this thread is in inference mode."""
    return _mode.inference


def set_mode(grad: bool, inference: bool) -> None:
    """Set this thread's modes and keep the count of special threads."""
    was = not _mode.grad or _mode.inference
    now = not grad or inference
    _mode.grad, _mode.inference = grad, inference
    if was is not now:
        with _lock:
            special.threads += 1 if now else -1


class _Default:
    """The dtype of Python floats, as a NumPy dtype (dtypes.py gives it its torch name)."""

    __slots__ = ("dtype",)

    def __init__(self) -> None:
        self.dtype: Any = None


default = _Default()

"""What a user can set: grad mode, inference mode and autocast (per thread), the default dtype; and what
watches a thread's operations."""

from __future__ import annotations

from threading import RLock, local
from typing import Any


class Special:
    """What makes a wrapper leave its fast path. Reading it is all that the fast path pays for these features.

    threads: how many threads are not in the plain mode (grad on, inference off); while it is not zero a
             wrapper asks for its own thread's mode.
    alert:   how many reasons there are to look before an operation: one if any tensor was ever written in
             place under the tape (then views must be brought up to date), one for each thread in which a
             transform runs or an observer watches, and each `Reason`.
    rebased: whether the first of these reasons is among them.
    """

    __slots__ = ("alert", "rebased", "threads")

    def __init__(self) -> None:
        self.threads = 0
        self.alert = 0
        self.rebased = False


special = Special()
_lock = RLock()  # a Reason may go while it is held


class Reason:
    """A reason to be alert, for as long as it lives: each stay in inference mode is one, which the tensors
    that were made there hold; each view that must not be used any more; and each thread with autocast on."""

    __slots__ = ("__weakref__",)

    def __init__(self) -> None:
        with _lock:
            special.alert += 1

    def __del__(self) -> None:
        with _lock:
            special.alert -= 1


class Tier:
    """When the native tier wakes up, through `wake`: at the first array of `large` elements, and what helps
    small ones when the clock of `writes` has ticked `late` times, or an optimizer has updated parameters
    `often`, for then the program is a long one; or before, see `kernels.standing`. `learn` is called from
    then on after each file that defines operations."""

    __slots__ = ("large", "late", "learn", "often", "wake")
    NEVER = 2**62

    def __init__(self) -> None:
        self.large, self.late, self.often = 1 << 14, 20_000, 10_000
        self.wake: Any = None
        self.learn: Any = None


tier = Tier()


class _Mode(local):
    grad = True
    inference: Reason | None = None


_mode = _Mode()


def grad_enabled() -> bool:
    """Whether this thread records operations."""
    return _mode.grad


def inference_enabled() -> bool:
    """Whether this thread is in inference mode."""
    return _mode.inference is not None


def inference_block() -> Reason | None:
    """This thread's stay in inference mode."""
    return _mode.inference


def set_mode(grad: bool, inference: bool) -> None:
    """Set this thread's modes and keep the count of special threads."""
    was = not _mode.grad or _mode.inference is not None
    now = not grad or inference
    _mode.grad = grad
    if inference is not (_mode.inference is not None):
        _mode.inference = Reason() if inference else None
    if was is not now:
        with _lock:
            special.threads += 1 if now else -1


class recorded:
    """Operations are recorded in the block, whatever the thread's modes are."""

    __slots__ = ("_was",)

    def __enter__(self) -> None:
        self._was = grad_enabled(), inference_enabled()
        set_mode(True, False)

    def __exit__(self, *_: object) -> None:
        set_mode(*self._was)


class Watch:
    """What goes on in a thread besides plain operations.

    levels:    the running transforms (`levels.Level`), outermost first.
    observers: each is called as observer(op, inputs, args, output, node) after every operation: arrays, the
               op's other arguments, the result's array, and its node or None.
    """

    __slots__ = ("levels", "observers")

    def __init__(self, levels: tuple[Any, ...] = (), observers: tuple[Any, ...] = ()) -> None:
        self.levels, self.observers = levels, observers


_NOTHING = Watch()


class _Watched(local):
    now = _NOTHING


_watched = _Watched()


def watch() -> Watch:
    """What goes on in this thread."""
    return _watched.now


def watching() -> bool:
    """Whether anything does."""
    return _watched.now is not _NOTHING


def set_watch(levels: tuple[Any, ...], observers: tuple[Any, ...]) -> None:
    """Set it, and keep the count of reasons to be alert."""
    was = _watched.now is not _NOTHING
    _watched.now = Watch(levels, observers) if levels or observers else _NOTHING
    now = _watched.now is not _NOTHING
    if was is not now:
        with _lock:
            special.alert += 1 if now else -1


class Autocast(local):
    """What this thread has set of torch.amp (see `amp.casting`).

    on:      whether operations cast their arguments now: not within an operation that has, nor in a sweep.
    enabled, dtypes: what was set, by device. reason: is there while it is enabled for the CPU.
    cache:   what weights were cast to, by the ids of both; `cached` says whether that is done.
    nesting: in how many autocast blocks the thread is; the cache is emptied at the end of the outermost.
    """

    def __init__(self) -> None:
        self.on = False
        self.reason: Reason | None = None
        self.enabled: dict[str, bool] = {}
        self.dtypes: dict[str, Any] = {}
        self.cached, self.nesting = True, 0
        self.cache: dict[tuple[int, int], Any] = {}


autocast = Autocast()


def set_rebased() -> None:
    """From now on views may have to be brought up to date before they are used."""
    with _lock:
        if not special.rebased:
            special.rebased = True
            special.alert += 1


class _Default:
    """The dtype of Python floats, as a NumPy dtype (dtypes.py gives it its torch name)."""

    __slots__ = ("dtype",)

    def __init__(self) -> None:
        self.dtype: Any = None


default = _Default()

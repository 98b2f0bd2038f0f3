"""What errors and warnings say: where a call came from, what an array is, and what is said only once."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from linecache import getline
from os.path import basename
from threading import Lock
from types import CodeType
from typing import Any

# The packages whose frames are ours. A line that a message names is the nearest one outside of them.
PACKAGES = frozenset(
    {
        "tapegrad",
        "tapegrad.amp",
        "tapegrad.autograd",
        "tapegrad.backends",
        "tapegrad.cpu",
        "tapegrad.cuda",
        "tapegrad.define",
        "tapegrad.distributions",
        "tapegrad.func",
        "tapegrad.hub",
        "tapegrad.kernels",
        "tapegrad.native",
        "tapegrad.native.kernels",
        "tapegrad.native.vmath",
        "tapegrad.nn",
        "tapegrad.nn.modules",
        "tapegrad.nn.parallel",
        "tapegrad.nn.utils",
        "tapegrad.ops",
        "tapegrad.ops.networks",
        "tapegrad.optim",
        "tapegrad.optim.lr_scheduler",
        "tapegrad.serialization",
        "tapegrad.storage",
        "tapegrad.utils",
        "tapegrad.utils.data",
        "tapegrad.utils.data._utils",
        "tapegrad.viz",
    }
)


class TapegradWarning(UserWarning):
    """Every message that tapegrad says once: what it noticed, and the cure."""


class LinAlgError(RuntimeError):
    """A matrix without what was asked for: singular, not positive definite, not finite."""


_said: set[str] = set()
_lock = Lock()


def say_once(message: str) -> None:
    """Warn with `message`, the first time it comes up in this process, at the user's line."""
    with _lock:
        if message in _said:
            return
        _said.add(message)
    say(message)


def say(message: str) -> None:
    """Warn with `message` at the user's line."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__package__") in PACKAGES:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, TapegradWarning, stacklevel=level)


class Seen:
    """The file of the last user's line: its frames need no look-up whether they are ours."""

    __slots__ = ("file",)

    def __init__(self) -> None:
        self.file = ""


seen = Seen()


def user_frame(f: Any) -> Any:
    """The nearest frame, from f outwards, that is not tapegrad's own."""
    while True:
        name = f.f_code.co_filename
        if name is seen.file:
            return f
        if name not in _ours and not _is_ours(f, name):
            seen.file = name
            return f
        back = f.f_back
        if back is None:
            return f
        f = back


_ours: set[str] = set()  # files of tapegrad's own that were met


def _is_ours(f: Any, name: str) -> bool:
    if f.f_globals.get("__package__") not in PACKAGES:
        return False
    if not name.startswith("<") or name.startswith("<tapegrad "):  # a name such as <string> says nothing
        _ours.add(name)
    return True


def caller(depth: int = 1) -> tuple[CodeType, int]:
    """The user's code that led here, as (code, instruction): cheap to keep, resolved by `place`.

    depth: how many frames up the user is at least.
    """
    f: Any = sys._getframe(depth)
    if f.f_code.co_filename is not seen.file:
        f = user_frame(f)
    return f.f_code, f.f_lasti


def line_of(code: CodeType, lasti: int) -> int:
    """The line number of an instruction."""
    positions = list(code.co_positions())
    line = positions[lasti // 2][0] if 0 <= lasti // 2 < len(positions) else None
    return line or code.co_firstlineno


def place(code: CodeType, lasti: int) -> str:
    """An instruction as `file.py:12`."""
    return f"{basename(code.co_filename)}:{line_of(code, lasti)}"


class Lines:
    """Instructions as (`file.py:12`, the source line), each looked up once: graphs have few lines and many
    nodes."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[str, str]] = {}

    def of(self, code: CodeType, lasti: int) -> tuple[str, str]:
        """The place and the source of an instruction; its code must stay alive."""
        key = (id(code), lasti)
        found = self._known.get(key)
        if found is None:
            source = getline(code.co_filename, line_of(code, lasti)).strip()
            found = self._known[key] = (place(code, lasti), source)
        return found


def describe(x: Any) -> str:
    """An array or Tensor as `float32[3, 2]`; anything else by its type's name."""
    if hasattr(x, "dtype") and hasattr(x, "shape"):
        return f"{str(x.dtype).removeprefix('torch.')}{list(x.shape)}"
    return type(x).__name__


def sizes(shape: Iterable[int]) -> str:
    """A shape as errors write it: `[3, 2]`."""
    return str(list(shape))


def choices(names: Iterable[str]) -> str:
    """Names as `'a', 'b' or 'c'`."""
    quoted = [repr(name) for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"

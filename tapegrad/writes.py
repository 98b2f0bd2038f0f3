"""The clock, and who wrote to which memory when: what makes an array that a node saved stale.

One clock numbers recorded nodes and in-place writes, and ticks for most other operations: it tells how long a
program is. A buffer, the array that owns the memory under its views, has an entry in a table once it was
written. A NumPy scalar has no memory; where it was a tensor's value and is no more, or is the value of an
array now, the table has an entry for it too.

Threads write at the same time, and a lock would be a third of what a write costs here. CPython changes
threads only where something is called or a loop goes round. So `if x.tick < now: x.tick = now` is one step,
and no stamp goes back in time.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from itertools import count
from sys import _getframe as frame
from sys import getrefcount
from threading import Lock
from types import CodeType
from typing import Any

from numpy import ndarray

from tapegrad._errors import caller, seen, user_frame
from tapegrad._state import Reason
from tapegrad.kernels.memory import buffer_of

tick = count(1).__next__


class Write:
    """The last write to a buffer: when (0: never) and where; how many there were. `ref` watches the buffer;
    `keep` holds an alias's id. `watchers`: see `watch_buffer`. `alias`: the entry of the NumPy scalar whose
    place an array has taken (see `boxed`), whose `count` is how many arrays have."""

    __slots__ = ("alias", "code", "count", "keep", "lasti", "ref", "tick", "watchers")

    def __init__(self, ref: Any, keep: Any = None) -> None:
        self.ref, self.keep = ref, keep
        self.tick = self.lasti = self.count = 0
        self.watchers: weakref.WeakSet[Any] | None = None
        self.alias: Write | None = None
        self.code: CodeType | None = None


class Mark:
    """`tick`: when any buffer was last written. It never decreases, also between threads."""

    __slots__ = ("tick",)

    def __init__(self) -> None:
        self.tick = 0


last_write = Mark()
_writes: dict[int, Write] = {}
_lock = Lock()


def _forget(key: int) -> Callable[[Any], None]:
    def forget(_: Any) -> None:
        w = _writes.pop(key, None)
        if w is not None and (alias := w.alias) is not None:
            alias.count -= 1
            if not alias.count and _writes.get(id(alias.keep)) is alias:
                del _writes[id(alias.keep)]

    return forget


def wrote(x: Any) -> None:
    """Stamp the buffer under an array as written now, by the caller's caller or who called that. Every
    in-place operation calls this; views share a stamp."""
    f: Any = frame(2)
    code = f.f_code
    if code.co_filename is not seen.file:
        f = user_frame(f)
        code = f.f_code
    now = tick()
    if last_write.tick < now:
        last_write.tick = now
    w = _writes.get(id(x)) or _entry(x)  # where x is in the table, it is a buffer
    if w.tick < now:
        w.code, w.lasti, w.tick = code, f.f_lasti, now
    w.count += 1
    if w.alias is not None or w.watchers:
        _tell(w)


def wrote_all(arrays: Iterable[Any]) -> None:
    """The same of several."""
    _stamp(entries(arrays), *caller(3))


def entries(arrays: Iterable[Any]) -> list[Write]:
    """The buffers' entries, for `stamp`."""
    return list(map(_entry, arrays))


def stamp(written: list[Write]) -> None:
    """What `wrote_all` does, of buffers that live, by their entries."""
    _stamp(written, *caller(4))


def _stamp(written: list[Write], code: CodeType, lasti: int) -> None:
    now = tick()
    if last_write.tick < now:
        last_write.tick = now
    for w in written:
        if w.tick < now:
            w.code, w.lasti, w.tick = code, lasti, now
        w.count += 1
        if w.alias is not None or w.watchers:
            _tell(w)


def _tell(w: Write) -> None:
    """Who else must know of a write."""
    if (alias := w.alias) is not None and alias.tick < w.tick:
        alias.code, alias.lasti, alias.tick = w.code, w.lasti, w.tick
    with _lock:
        watchers = list(w.watchers or ())
    for watcher in watchers:
        watcher.outdate()


def _entry(x: Any) -> Write:
    """The entry of the buffer under x, made if there is none."""
    if x.base is not None:
        x = buffer_of(x)
    key = id(x)
    return _writes.get(key) or _writes.setdefault(key, Write(weakref.ref(x, _forget(key))))


def watch_buffer(x: Any, watcher: Any) -> None:
    """From now on, and while `watcher` lives, a write to the memory of x calls watcher.outdate()."""
    with _lock:
        w = _entry(x)
        if w.watchers is None:
            w.watchers = weakref.WeakSet()
        w.watchers.add(watcher)


class Made:
    """Why a view must not be written where gradients are recorded, as its own gradient or its base's would
    be lost: how it was made. Once its base was written elsewhere, also it must not be used there."""

    __slots__ = ("__weakref__", "how", "outdated")
    outdated: Reason | None

    def __init__(self, how: str, base: Any = None) -> None:
        self.how, self.outdated = how, None
        if base is not None and type(base._a) is ndarray:
            watch_buffer(base._a, self)

    def outdate(self) -> None:
        """The memory was written."""
        self.outdated = self.outdated or Reason()


NO_GRAD = "was made in no_grad(); make it outside, or write it there"
INFERENCE = "was made in inference_mode(); make it outside, or write it there"
SEVERAL = (
    "is one of several that one operation (split, chunk, unbind) returned; index the tensor instead, or use "
    "unsafe_split"
)
_IDLE = {how: Made(how) for how in (NO_GRAD, INFERENCE, SEVERAL)}


def made(how: str, base: Any, parent: Any) -> Made:
    """The Made of a view that was cut from parent: one for all of no graph, which no write outdates."""
    recorded = parent._node is not None and how is not NO_GRAD  # else it has no graph of its own
    return Made(how, base) if base._node is not None or recorded else _IDLE[how]


class Departed:
    """The base of views was taken out of the graph: when its last node was recorded, and, once the memory
    was written since, a Reason. The views' gradients lead nowhere then: they knew another value."""

    __slots__ = ("__weakref__", "seq", "written")

    def __init__(self, a: Any, seq: int) -> None:
        self.seq = seq
        self.written: Reason | None = None
        if type(a) is ndarray:
            watch_buffer(a, self)

    def outdate(self) -> None:
        """The memory was written."""
        self.written = self.written or Reason()

    def concerns(self, seen: Any) -> bool:
        """Whether it is so for a view whose node derives from `seen`."""
        return seen is not None and (self.written is not None or seen.seq != self.seq)


def count_of(x: Any) -> int:
    """How often the memory of x was written in place."""
    w = _writes.get(id(buffer_of(x)) if type(x) is ndarray else id(x))
    return 0 if w is None else w.count


def boxed(scalar: Any, array: Any) -> None:
    """From now on `array` is the memory of what was the NumPy scalar `scalar`: nodes may have saved the
    scalar, and a write to the array makes those stale. It may be one of several arrays of that scalar."""
    key, name = id(array), id(scalar)
    with _lock:
        w = _writes[key] = Write(weakref.ref(array, _forget(key)), keep=scalar)
        alias = _writes.get(name)
        if alias is None or alias.keep is not scalar:
            alias = _writes[name] = Write(None, keep=scalar)
        alias.count += 1
        w.alias = alias


def number_under(array: Any) -> Any:
    """The NumPy scalar whose place an array has taken (see `boxed`); None if it has taken none's."""
    w = _writes.get(id(array))
    return None if w is None or w.ref is None or w.ref() is not array else w.keep


class Outdated:
    """The NumPy scalars that were a tensor's value until a write gave it another, while nodes hold them."""

    __slots__ = ("ids", "most")

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.most = 64


_outdated = Outdated()


def replaced(scalar: Any) -> None:
    """A tensor has another value now in place of the NumPy scalar: whoever saved that is stale.

    The caller holds one reference, the tensor none any more.
    """
    if getrefcount(scalar) <= 3:  # the caller's, ours, and getrefcount's argument: no node saved it
        return
    w = Write(None, keep=scalar)
    w.code, w.lasti = caller(4)
    with _lock:
        w.tick = now = tick()
        if last_write.tick < now:
            last_write.tick = now
        _writes[id(scalar)] = w
        ids = _outdated.ids
        ids.append(id(scalar))
        if len(ids) > _outdated.most:  # forget those that only their Write still holds
            ids[:] = [k for k in set(ids) if (old := _writes.get(k)) and _held(old)]
            _outdated.most = max(64, 2 * len(ids))


def _held(w: Write) -> bool:
    """Whether anybody but w holds its scalar; if not, the table forgets it."""
    if getrefcount(w.keep) > 2:
        return True
    del _writes[id(w.keep)]
    return False


def writes_to(x: Any) -> Write | None:
    """The last write to the memory of x, if it was ever written in place."""
    w = _writes.get(id(buffer_of(x)) if type(x) is ndarray else id(x))
    return w if w is not None and w.tick else None

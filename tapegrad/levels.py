"""Transforms in progress: levels, and what tensors hold inside of them.

Each running transform that changes what a tensor holds (vmap, jvp) is a `Level`; a thread has a stack of
them. Inside, a tensor's storage may be a `Storage` in place of an array. The classes of storages live above
the operations (`storage/`); down here is only what the tape and the wrappers must know of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from threading import local
from typing import Any
from weakref import WeakValueDictionary

from numpy import ndarray

from tapegrad._state import Reason, set_watch, watch

_number = count(1).__next__


class Level:
    """One running transform.

    id:      levels nest, and a younger one has a larger id.
    size:    of the batch; None where the level is one of tangents (jvp).
    crossed: the node outside -> its stand-in inside, for every edge that has crossed into the level.
    born:    tensors made inside, which a write may give a value per entry.
    stays:   whether tensors made inside go on without the level when it ends (forward_ad).
    random:  what random functions do in a batch: "error", "same" or "different".
    drawn:   of each stream of random numbers that was used inside, what gives it back its first state.
    """

    __slots__ = ("born", "crossed", "drawn", "id", "random", "size", "stays")
    # Set by storage/__init__.py: the namespace of rules on arrays and storages alike, views.assign where
    # there are storages, what derives a view's storage anew, random numbers, and the cotangent of a primal.
    F: Any = None
    assign: Any = None
    again: Any = None
    draw: Any = None
    at_primal: Any = None

    def __init__(self, size: int | None = None, random: str = "same") -> None:
        self.id = _number()
        self.size = size
        self.random = random
        self.stays = False
        self.crossed: dict[Any, Any] = {}
        self.born: WeakValueDictionary[int, Any] = WeakValueDictionary()  # by id
        self.drawn: dict[int, Any] = {}

    def draws(self, op: str, stream: Any) -> None:
        """A random function is about to draw inside. Raises: RuntimeError if it must not."""
        if self.random == "error":
            raise RuntimeError(
                f"{op}: it draws random numbers inside of vmap, whose randomness is 'error'; pass "
                "randomness='different' (numbers for each entry) or 'same' to vmap."
            )
        if id(stream) not in self.drawn:
            self.drawn[id(stream)] = partial(stream.set_state, stream.get_state())

    def start_over(self) -> None:
        """Give the streams of random numbers back the states that they had before the first draw inside."""
        for restore in self.drawn.values():
            restore()

    def __enter__(self) -> Level:
        w = watch()
        set_watch((*w.levels, self), w.observers)
        return self

    def __exit__(self, *_: object) -> None:
        w = watch()
        set_watch(tuple([x for x in w.levels if x is not self]), w.observers)
        self.crossed.clear()  # its nodes and the level hold each other
        self.born.clear()


class looped:
    """In the block a batch's entries run one after another, outside of their level, which still says what
    random functions do. The levels of these blocks are in `looped.now.levels`, and `special.alert` is not 0
    while there are any."""

    class _Now(local):
        levels: tuple[Level, ...] = ()

    __slots__ = ("_level", "_reason", "_was")
    now = _Now()

    def __init__(self, level: Level) -> None:
        self._level = level

    def __enter__(self) -> None:
        self._was, self._reason = self.now.levels, Reason()
        self.now.levels = (*self._was, self._level)

    def __exit__(self, *_: object) -> None:
        self.now.levels = self._was
        del self._reason


class entered:
    """These levels run in the block, besides those that run anyway: to go back through their nodes."""

    __slots__ = ("_again", "_levels", "_was")

    def __init__(self, levels: tuple[Level, ...]) -> None:
        self._levels = levels

    def __enter__(self) -> None:
        w = self._was = watch()
        self._again = [x for x in self._levels if x not in w.levels]
        if self._again:
            set_watch(tuple(sorted([*w.levels, *self._again], key=lambda x: x.id)), w.observers)

    def __exit__(self, _: object, error: BaseException | None, trace: object) -> None:
        if self._again:
            set_watch(self._was.levels, self._was.observers)
        for level in self._again:
            level.crossed.clear()
            level.born.clear()
        if isinstance(error, ValueNeeded) and error.level in self._again:
            raise RuntimeError(
                f"backward: a rule asks for a value that differs per vmap entry ({error.what}), and that "
                "vmap has ended; take the gradient inside of it."
            ) from None


class outside:
    """In the block a level of this thread does not run."""

    __slots__ = ("_level", "_was")

    def __init__(self, level: Level) -> None:
        self._level = level

    def __enter__(self) -> None:
        w = self._was = watch()
        set_watch(tuple([x for x in w.levels if x is not self._level]), w.observers)

    def __exit__(self, *_: object) -> None:
        set_watch(self._was.levels, self._was.observers)


class Storage:
    """What a tensor holds inside a transform in place of an array. See `tapegrad.storage`."""

    __slots__ = ()
    __array_ufunc__ = None  # NumPy's operators and functions leave it to ours, or raise TypeError
    level: Level
    shape: Any
    ndim: Any
    dtype: Any

    def apply(self, op: Any, xs: Sequence[Any], args: tuple[Any, ...]) -> Any:
        """The op on arrays and storages, of which this one has the youngest level."""
        raise NotImplementedError

    def arrays(self) -> Iterator[Any]:
        """The arrays under it: what a write stamps and a node checks."""
        raise NotImplementedError

    def levels(self) -> list[Level]:
        """Its levels, youngest first."""
        raise NotImplementedError

    def check(self, what: str) -> None:
        """Raises: RuntimeError if the transform that it belongs to has ended."""
        raise NotImplementedError

    def box(self) -> None:
        """Give its parts memory that views can share, where they are NumPy scalars."""

    def can_view(self, shape: tuple[int, ...], test: Any) -> bool:
        """Whether test(array, shape) holds for what is below, where the shape is that of one entry."""
        raise NotImplementedError


class Leaked(RuntimeError):
    """A value was used outside of the transform that made it."""


class ValueNeeded(BaseException):
    """Python asked for the one value of what has one per entry of a batch; vmap then runs the entries one by
    one. No Exception, so that no handler between the question and vmap takes it for an error."""

    def __init__(self, level: Level, what: str) -> None:
        self.level, self.what = level, what
        super().__init__(what)


def youngest(xs: Sequence[Any], args: Sequence[Any] = ()) -> Storage | None:
    """The storage of the youngest level among operands, and among the arrays in an op's arguments."""
    found: Storage | None = None
    for x in xs:  # asking a type is quicker than isinstance
        if type(x) is ndarray or not isinstance(x, Storage):
            continue
        if found is None or x.level.id > found.level.id:
            found = x
    for x in args:
        if type(x) is tuple:
            for v in x:
                if type(v) is not int and type(v) is not slice:
                    break
            else:  # it is a shape, dimensions, or a basic index
                continue
            x = youngest(x)
        if isinstance(x, Storage) and (found is None or x.level.id > found.level.id):
            found = x
    return found


def arrays_of(x: Any) -> Iterator[Any]:
    """The arrays under a storage; an array itself."""
    if isinstance(x, Storage):
        yield from x.arrays()
    else:
        yield x

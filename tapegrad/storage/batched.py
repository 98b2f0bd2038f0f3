"""Batched: one value per entry of a batch, as one array with the batch in front. What vmap puts into tensors.

A rule batch(B, op, xs, args) computes an op for a whole batch. It gets the operands as they are, of which
some belong to the level and some are the same for all entries, and returns the raw result, with the batch as
its first axis. Ops name theirs in their definition (`Op.batch`) if it does not follow from their kind; most
only shift the axes in their arguments by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from numpy import ndarray

from tapegrad._printing import text
from tapegrad.define.base import OPS, run
from tapegrad.domains import STORED
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Level, Storage, ValueNeeded, arrays_of
from tapegrad.storage.base import Flags, Values
from tapegrad.tensor import wrap


class Batched(Values):
    """raw: the array or older storage below, with the batch as its first axis."""

    __slots__ = ("raw",)

    def __init__(self, level: Level, raw: Any) -> None:
        self.level, self.raw = level, raw
        self.shape = shape = raw.shape[1:]
        self.ndim = len(shape)
        self.dtype = raw.dtype

    @property
    def strides(self) -> tuple[int, ...]:
        """Bytes from neighbour to neighbour, within an entry."""
        return self.raw.strides[1:]  # type: ignore[no-any-return] # an array's or a storage's

    @property
    def flags(self) -> Flags:
        """Those of one entry."""
        f = self.raw.flags
        if f.c_contiguous or not self.raw.size:
            return Flags(True, f.writeable)
        return Flags(_row_major(self.shape, self.strides, self.itemsize), f.writeable)

    def arrays(self) -> Iterator[Any]:
        """The arrays under it."""
        return arrays_of(self.raw)

    def apply(self, op: Any, xs: Sequence[Any], args: tuple[Any, ...]) -> Any:
        """The op on arrays and storages, of which this one has the youngest level."""
        rule = op.batch or KINDS.get(op.kind)
        if rule is None:
            return op.body(STORED.F, *xs, *args)
        return Batched(self.level, rule(Batch(self.level), op, xs, args))

    def levels(self) -> list[Level]:
        """Its levels, youngest first."""
        return [self.level, *(self.raw.levels() if isinstance(self.raw, Storage) else [])]

    def box(self) -> None:
        """Give its parts memory that views can share."""
        if isinstance(self.raw, Storage):
            self.raw.box()

    def can_view(self, shape: tuple[int, ...], test: Any) -> bool:
        """Whether test(raw, raw shape) holds."""
        return bool(test(self.raw, (self.raw.shape[0], *shape)))

    def value(self, what: str) -> Any:
        """Raises: ValueNeeded, upon which vmap runs the entries one by one."""
        self.check(what)
        raise ValueNeeded(self.level, what)

    def write(self, value: Any) -> None:
        """Overwrite every entry with its value."""
        own = isinstance(value, Batched) and value.level is self.level
        new = Batch(self.level).lift(value, self.ndim) if own else value
        put(self.raw, new)

    def __repr__(self) -> str:
        below = text(wrap(self.raw)).replace("\n", "\n    ")
        return f"BatchedTensor(lvl={self.level.id}, bdim=0, value=\n    {below}\n)"


def put(target: Any, value: Any) -> None:
    """Overwrite an array or storage in place. Raises: RuntimeError if the value has a level that it lacks."""
    if isinstance(target, Storage) and not (isinstance(value, Storage) and value.level.id > target.level.id):
        target.write(value)  # type: ignore[attr-defined] # both kinds have it
    elif isinstance(value, Storage):
        raise RuntimeError(
            "in-place: the new value differs per vmap entry (or has a tangent), and the target, which was "
            "made outside of the transform, holds one value; use the out-of-place op."
        )
    else:
        target[...] = value


def _row_major(shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int) -> bool:
    step = itemsize
    for n, s in zip(reversed(shape), reversed(strides), strict=True):
        if n != 1 and s != step:
            return False
        step *= n
    return True


class Batch:
    """B: the level's side of a batch rule."""

    __slots__ = ("level", "size")

    def __init__(self, level: Level) -> None:
        self.level = level
        assert level.size is not None
        self.size = level.size

    def run(self, key: Any, *xs: Any, args: tuple[Any, ...] = ()) -> Any:
        """An op, or the op of that key, on raw operands."""
        return run(OPS[key] if isinstance(key, str) else key, xs, args)

    def mine(self, x: Any) -> bool:
        """Whether x has one value per entry of this batch."""
        return type(x) is Batched and x.level is self.level

    def lift(self, x: Any, ndim: int) -> Any:
        """x's raw value, so that it broadcasts with others of so many dimensions (the batch not counted); a
        value that is the same for all entries as it is."""
        if not self.mine(x):
            return x
        raw, shape = x.raw, x.shape
        if len(shape) == ndim:
            return raw
        return self.reshape(raw, (self.size, *(1,) * (ndim - len(shape)), *shape))

    def full(self, x: Any) -> Any:
        """x with the batch in front, repeated if it is the same for all entries."""
        return x.raw if self.mine(x) else self.expand(x, (self.size, *x.shape))

    def reshape(self, x: Any, shape: tuple[int, ...]) -> Any:
        """x in another shape."""
        return x.reshape(shape) if type(x) is ndarray else self.run("unsafe_view", x, args=(shape,))

    def expand(self, x: Any, shape: tuple[int, ...]) -> Any:
        """x repeated to a shape."""
        return self.run("expand", x, args=(shape,))

    def moved(self, x: Any, source: int, target: int) -> Any:
        """x with one axis elsewhere."""
        if source == target:
            return x
        order = [i for i in range(x.ndim) if i != source]
        order.insert(target, source)
        return self.run("permute", x, args=(tuple(order),))


def _elementwise(B: Batch, op: Any, xs: Sequence[Any], args: tuple[Any, ...]) -> Any:
    ndim = max([x.ndim for x in xs if hasattr(x, "ndim")])
    return run(op, [B.lift(x, ndim) if type(x) is Batched else x for x in xs], args)


def _reduction(B: Batch, op: Any, xs: Sequence[Any], args: tuple[Any, ...]) -> Any:
    (x,), (dim, keepdim, *rest) = xs, args
    axes = range(x.ndim) if dim is None else dim
    return run(op, (x.raw,), (tuple([i + 1 for i in axes]), keepdim, *rest))


def _variadic(B: Batch, op: Any, xs: Sequence[Any], args: tuple[Any, ...]) -> Any:
    if any(x.ndim != 1 for x in xs):  # empty 1-d tensors join anything
        xs = [x for x in xs if x.shape != (0,)]
    return run(op, [B.full(x) for x in xs], (args[0] + 1, *args[1:]))


KINDS: dict[str, Any] = {"elementwise": _elementwise, "reduction": _reduction, "variadic": _variadic}


nameless(globals())

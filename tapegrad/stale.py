"""What a node saved must be as it was when its rule reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from numpy import ndarray

from tapegrad._errors import describe, place
from tapegrad.levels import Storage, arrays_of
from tapegrad.naming import name_of
from tapegrad.writes import writes_to

if TYPE_CHECKING:
    from tapegrad.tape import Node


def read_by(n: Node) -> set[int]:
    """The places in `saved` that n's rules read, for the parents that need a gradient."""
    return {k for p, ks in zip(n.parents, n.op.reads, strict=False) if p is not None for k in ks}


def check_saved(n: Node) -> None:
    """Raises: RuntimeError if an array that n's rules read was written in place since."""
    if _suspect(n.saved, n.seq) or _suspect((n.meta,), n.seq):
        check_arrays(n, [*[n.saved[k] for k in sorted(read_by(n))], *_arrays_in(n.meta)])


def _suspect(values: Iterable[Any], seq: int) -> bool:
    """Whether something among the values may have been written after seq. Where a program writes at all (the
    running moments of a normalisation), this is asked for every node that was recorded before."""
    for x in values:
        kind = type(x)
        if x is None or kind is int or kind is float:
            continue
        if kind is tuple or isinstance(x, (tuple, list)):
            if _suspect(x, seq):
                return True
        elif isinstance(x, Storage) or (
            hasattr(x, "dtype") and (w := writes_to(x)) is not None and w.tick > seq
        ):
            return True
    return False


def check_arrays(n: Node, values: Iterable[Any]) -> None:
    """Raises: RuntimeError if one of these, which n has saved, was written in place since."""
    for x in [a for v in values for a in arrays_of(v)]:
        w = writes_to(x) if hasattr(x, "dtype") else None
        if w is not None and w.tick > n.seq:
            assert w.code is not None
            name = name_of(x)
            raise RuntimeError(
                f"{n.op.name} backward: a {describe(x)} array that {n.op.name} saved "
                f"({place(n.code, n.lasti)}) was written in place at {place(w.code, w.lasti)}"
                f"{f' (`{name}` shows it)' if name else ''}. Clone it first, or use the out-of-place op."
            )


def _arrays_in(meta: Any) -> list[Any]:
    """The arrays and storages among an op's arguments: indices, masks, class weights."""
    if isinstance(meta, (tuple, list)):
        return [a for m in meta for a in _arrays_in(m)]
    return [meta] if isinstance(meta, (ndarray, Storage)) else []

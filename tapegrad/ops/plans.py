"""Steps that are like the one before: most are, and need not be checked and put together anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import ref

from numpy import ndarray

from tapegrad.ops.optim import Job, plain
from tapegrad.tape import AccumulateGrad
from tapegrad.writes import entries


class Plan:
    """What one step of a group found out, for the next: the same update of the same tensors, with other
    gradients. It notices all that may have changed between them; and it holds no array, so none lives longer
    for it.
    """

    __slots__ = (
        "alive",
        "arrays",
        "columns",
        "counts",
        "entries",
        "facts",
        "kind",
        "params",
        "slots",
        "watch",
    )

    def __init__(self, job: Job, group: Mapping[str, Any], slots: tuple[str, ...], state: Any) -> None:
        given = [arguments for arguments, _ in job.parts]
        chosen = {id(p) for p, *_ in given}
        self.slots, self.kind = slots, given[0][0]._kind
        # Sets, as they look at what tensors these are, and not at what is in them.
        self.params = {tuple(group["params"])}
        # Of each parameter its shape, None without a gradient, and its state.
        self.facts: list[tuple[Any, ...]] = []
        for p in group["params"]:
            held = state.get(p) if id(p) in chosen else None
            shape = p._a.shape if id(p) in chosen else None
            self.facts.append((p, shape, held, held and {tuple(held.values())}))
        self.columns = list(zip(*[(p, *held) for p, _, _, held in given], strict=True))
        self.counts = list(zip(*[counts for _, _, counts, _ in given], strict=True))
        arrays = [t._a for column in self.columns for t in column]
        self.arrays, self.entries = list(map(id, arrays)), entries(arrays)
        self.alive = alive = [True]
        self.watch = [ref(a, lambda _: alive.clear()) for a in arrays]  # another may come to the same place

    @classmethod
    def of(cls, job: Job, group: Mapping[str, Any], slots: tuple[str, ...], state: Any) -> Plan | None:
        """The plan of a step that was made; None if the next one is to be checked again."""
        if job.recording is not None:
            return None
        kind, seen = job.parts[0][0][0]._kind, set()
        for (p, _, counts, _), arrays in job.parts:
            seen.add(id(p))
            if arrays is None or arrays[0] is not p._a or p._kind is not kind:
                return None
            if any(c is True for c in counts):  # a first time, which does not come again
                return None
        if len(seen) < len(job.parts):
            return None
        plan = cls(job, group, slots, state)
        return None if any(_common(c) is None for c in plan.counts) else plan

    def again(self, group: Mapping[str, Any], slots: tuple[str, ...], state: Any) -> Job | None:
        """The Job of the next step; None if something has changed, or may have."""
        if tuple(group["params"]) not in self.params or slots != self.slots or group.get("differentiable"):
            return None
        grads = self._gradients(state)
        columns = [[t._a for t in column] for column in self.columns]
        arrays = columns[0] if len(columns) == 1 else [a for column in columns for a in column]
        if grads is None or list(map(id, arrays)) != self.arrays or not self.alive:
            return None
        now = []
        for c in self.counts:
            if (value := _common(c)) is None:
                return None
            now.append(value)
        job = Job(plain(group), False)
        columns.insert(1, grads)
        job.written, job.now, job.counts, job.columns = self.entries, now, self.counts, columns
        return job

    def _gradients(self, state: Any) -> list[Any] | None:
        """The gradients' arrays, if those of before have any, as they are needed, and the same state."""
        grads, kind = [], self.kind
        for p, shape, held, values in self.facts:
            n = p._node
            g = n.grad if n.__class__ is AccumulateGrad else p.grad
            if g is None or shape is None:
                if g is shape:
                    continue
                return None
            a = g._a
            if a.__class__ is not ndarray or g._kind is not kind or a.shape != shape:
                return None
            if held and (state.get(p) is not held or tuple(held.values()) not in values):
                return None
            if p._cold is not None or not p._a.flags.writeable:
                return None
            grads.append(a)
        return grads


def _common(column: Sequence[Any]) -> Any:
    """The number that all of these counts are: after a step together they have one object. None if not."""
    first = column[0]
    if first.__class__ is bool:
        return first
    value = first._a
    for c in column:
        if c._a is not value:
            return None
    return None if value.__class__ is ndarray else value

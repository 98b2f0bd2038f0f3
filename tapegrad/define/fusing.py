"""Backward through several pointwise nodes in one pass over memory. Loaded with `machine`.

The sweep takes one node after the other, and of large arrays each cotangent goes to memory and back between
two rules. So where it meets pointwise nodes of one shape in a row it puts their rules off, and when the row
ends one kernel computes all of them, for each gradient that leaves the row: rules are expressions, and one's
result is the next one's g. Terms and sums are the same in the same order, so the bits are, too.

A kernel is made when its row of rules has come for the second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from heapq import heappush
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from tapegrad import tape
from tapegrad.define.base import EQUAL
from tapegrad.define.elementwise import shapes_of
from tapegrad.define.wrappers import NAMES
from tapegrad.kernels.errstate import again, nameless
from tapegrad.native.pointwise import TYPES, Pointwise
from tapegrad.stale import check_saved
from tapegrad.sums import Leaves, total
from tapegrad.tape import AccumulateGrad, Grads, Heap, Node, Op
from tapegrad.writes import last_write

# Elements of an array. Of 16,384 a kernel takes 0.65 to 0.95 of what its rules take, of a million 0.45 to
# 0.7; but it is made in 20 to 50 ms, which few small arrays give back.
LEAST = 1 << 17
_MOST = 12  # operands of a kernel, which has four parameters for each
_ROWS = 256  # that are remembered
_PLAIN = (bool, int, float, str, type(None))  # arguments that can be constants of a kernel
_ARRAY = 8  # instructions that take as long as moving an array


class _Inside:
    """What stands among the cotangents for one that the row has not computed yet."""


_inside: Any = _Inside()


class _Step(NamedTuple):
    """A rule that was put off: its node, the cotangent that came from outside the row, what it reads."""

    node: Node
    g: Any
    saved: tuple[Any, ...]
    args: tuple[Any, ...]


class Row:
    """The nodes of a sweep whose rules are put off."""

    __slots__ = ("F", "grads", "heap", "leaves", "shape", "steps", "used")

    def __init__(self, F: Any, heap: Heap, grads: Grads, leaves: Leaves, used: Any) -> None:
        self.F, self.heap, self.grads, self.leaves, self.used = F, heap, grads, leaves, used
        self.steps: list[_Step] = []
        self.shape: tuple[int, ...] = ()

    def takes(self, n: Node) -> bool:
        """Put off the rule of n, which has just left the heap; or else end the row. Whether it is put off."""
        g, op = self.grads[n], n.op
        if not self.steps and (type(g) is not ndarray or g.size < LEAST):
            return False
        if op is not None and op.kind == "elementwise" and n.rare is None and n.__class__.level == 0:
            if self.steps and self._fits(n, g):
                return True
            if type(g) is ndarray and g.size >= LEAST:
                self.run()
                self.shape = g.shape
                return self._fits(n, g)
        if self.steps:
            self.run()
            if self.grads[n] is _inside:  # no rule of the row gave anything for n
                del self.grads[n]
                return True
        return False

    def _fits(self, n: Node, g: Any) -> bool:
        """Whether n is of the row's kind, and so put off."""
        if g is not _inside and not (type(g) is ndarray and g.shape == self.shape and _is_dense(g)):
            return False
        if type(n.saved) is not tuple or (args := _arguments(n, self.shape)) is None:
            return False
        if any(p is not None and rule is None for p, rule in zip_longest(n.parents, n.op.rules)):
            return False
        for x in n.saved:
            if type(x) is ndarray and x.ndim and (x.shape != self.shape or not x.flags.c_contiguous):
                return False
        if last_write.tick > n.seq:
            check_saved(n)
        self.steps.append(_Step(n, self.grads.pop(n), n.saved, args))
        for p in n.parents:
            if p is not None and p not in self.grads and not _is_leaf(p):
                self.grads[p] = _inside
                heappush(self.heap, (-p.seq, p))
        if self.used is not None and n.op.reads:
            n.saved = self.used
        return True

    def run(self) -> None:
        """Compute what was put off, and hand it on."""
        steps, self.steps = self.steps, []
        found = _fused(steps, self.grads, self.leaves) if len(steps) > 1 else None
        if found is None:
            inside: Grads = {step.node: step.g for step in steps}
            for step in steps:
                self._run_alone(step, inside)
            return
        for p, g, lent in found:
            if not _is_leaf(p):
                self.grads[p] = g
            elif lent:
                self.leaves.add(p, g, True)
            else:
                self.leaves.lent.discard(p)
                self.leaves[p] = g

    def ended(self) -> Leaves:
        """The leaves' gradients, at the end of the sweep."""
        if self.steps:
            self.run()
        return self.leaves

    def _run_alone(self, step: _Step, inside: Grads) -> None:
        """One rule, as the sweep runs it. inside: the cotangents of the row's nodes."""
        n, g = step.node, inside.pop(step.node)
        given = self.F, g, step.saved, n.meta, n.parents
        try:
            below = n.op.vjp(*given)
        except Exception as e:
            if not tape.silenced(e, n):
                raise
            below = again(n.op.vjp, *given)
        for p, pg in zip(n.parents, below, strict=False):
            if p is None or pg is None:
                continue
            if _is_leaf(p):
                self.leaves.add(p, pg, pg is g or pg.base is not None)
            else:
                grads = inside if p in inside else self.grads
                grads[p] = pg if grads[p] is _inside else total(grads[p], pg)


def _is_leaf(p: Node) -> bool:
    """Whether the sweep adds up p's cotangents as a leaf's."""
    return type(p) is AccumulateGrad and p.rare is None


def _is_dense(g: ndarray) -> bool:
    """Whether g's elements lie one after the other, or are all one."""
    return g.flags.c_contiguous or not any(g.strides)


def _arguments(n: Node, shape: tuple[int, ...]) -> tuple[Any, ...] | None:
    """What n's rules get besides arrays; None if that is no constant, or if an input has another shape."""
    op, meta = n.op, n.meta
    if op.meta is shapes_of:
        equal = len(n.parents) == 1 or meta is EQUAL or (meta and all(s == shape for s in meta))
        return () if equal else None
    with_shapes = _knows_shapes(op)
    if with_shapes and not all(s == shape for s in meta[0]):
        return None
    args: tuple[Any, ...] = meta[with_shapes:]
    return args if all(type(a) in _PLAIN for a in args) else None


@cache
def _knows_shapes(op: Op) -> bool:
    """Whether the inputs' shapes stand before the arguments of an op's nodes."""
    return len(op.meta((np.empty(0),) * len(op.rules), ())) == 1


# ---- a row as one kernel per result


class _Plan:
    """What a row reads and gives.

    given: what its rules read and what came from outside, each once; operands: the same for a kernel.
    out: the nodes below the row. key: its rules, (op, arguments, places in `given` of what is saved, where
    the cotangents go) for each, where what came from outside goes, how many results there are, and the
    operands' dtypes. Cotangents go to the step of that number, or behind the steps' to a node of `out`.
    """

    def __init__(self, steps: list[_Step], grads: Grads, leaves: Leaves) -> None:
        self.given: list[Any] = []
        self.out: list[Node] = []
        self._places: dict[int, int] = {}
        goes = {step.node: i for i, step in enumerate(steps)}
        starts = [(i, self._place(step.g)) for i, step in enumerate(steps) if step.g is not _inside]
        rules = []
        for n, _, saved, args in steps:
            for p in n.parents:
                if p is not None and p not in goes:
                    goes[p] = len(steps) + len(self.out)
                    self.out.append(p)
                    before = leaves.get(p) if _is_leaf(p) else grads[p]
                    if before is not None and before is not _inside:
                        starts.append((goes[p], self._place(before)))
            reads = tuple([-1 if x is None else self._place(x) for x in saved])
            rules.append((n.op, args, reads, tuple([-1 if p is None else goes[p] for p in n.parents])))
        kind = steps[0].g.dtype
        self.operands = [_operand(x, kind) for x in self.given]
        kinds = "".join([x.dtype.char for x in self.operands])
        self.key = tuple(rules), tuple(starts), len(self.out), kinds

    def _place(self, x: Any) -> int:
        k = self._places.setdefault(id(x), len(self.given))
        if k == len(self.given):
            self.given.append(x)
        return k


def _operand(x: Any, kind: Any) -> Any:
    """x for a kernel: a number, and what is the same everywhere, as an array without dimensions."""
    if type(x) is ndarray:
        return np.asarray(x.flat[0]) if x.size > 1 and not any(x.strides) else x
    return np.asarray(x, kind) if type(x) in (bool, int, float) else np.asarray(x)


Key = tuple[Any, ...]
Kernel = tuple[Pointwise | None, tuple[int, ...]]  # None: the result is what stands in that place
_made: dict[Key, list[Kernel] | None] = {}  # None until the row comes again, [] if there are none


def _fused(steps: list[_Step], grads: Grads, leaves: Leaves) -> list[tuple[Node, Any, bool]] | None:
    """For each node below the row: (it, its cotangent, whether others may see that); None if kernels do not
    take the row."""
    plan, found = _Plan(steps, grads, leaves), []
    for p, (kernel, places) in zip(plan.out, _kernels_of(plan.key) or (), strict=False):
        if kernel is None:
            found.append((p, plan.given[places[0]], True))
            continue
        operands = [plan.operands[k] for k in places]
        y = kernel(*operands) if any(x.ndim for x in operands) else None
        if y is None:
            return None
        found.append((p, y, False))
    return found or None


def _kernels_of(key: Key) -> list[Kernel] | None:
    """For each result: what computes it, and of which operands."""
    if key not in _made:
        if len(_made) >= _ROWS:  # arguments that change all the time: what came once may come again, or not
            for other in [k for k, made in list(_made.items()) if made is None]:
                _made.pop(other, None)
        if len(_made) < _ROWS:
            _made[key] = None
        return None
    if (made := _made[key]) is None:
        made = _made[key] = _make(key)
    return made


def _make(key: Key) -> list[Kernel]:
    """The kernels of a row; [] if there are none, or if they were slower than its rules one by one."""
    rules, _, results, kinds = key
    t = TYPES.get(kinds[0])
    if (
        t is None
        or set(kinds) - {kinds[0], "?"}
        or not all(_has_machine_code(op, to) for op, _, _, to in rules)
    ):
        return []
    kernels: list[Kernel] = []
    cost = 0.0
    for k in range(len(rules), len(rules) + results):
        compute = _Composed(key, k)
        if compute.same is not None:
            kernels.append((None, (compute.same,)))
            continue
        places = compute.places
        title = "_".join(["rules", *[op.name for op, *_ in rules]])[:60]
        kernel = Pointwise(f"{title}_{k - len(rules)}", compute, [f"v{i}" for i in places])
        probed = kernel.probe((), [kinds[i] == "?" for i in places], t) if len(places) <= _MOST else None
        if probed is None:
            return []
        cost += probed[0] + _ARRAY * (len(places) + 1)
        kernels.append((kernel, places))
    return kernels if cost < _cost_apart(key, t) else []


def _has_machine_code(op: Op, to: Sequence[int]) -> bool:
    """Whether the rules for the inputs that need a gradient have machine code, whose bits are the row's."""
    made = getattr(op.vjp, "rules", {})
    return all(place < 0 or op.rules[k] == "g" or f"k{k}" in made for k, place in enumerate(to))


def _cost_apart(key: Key, t: Any) -> float:
    """What the rules and the sums of a row take one by one, in instructions."""
    rules, starts, _, kinds = key
    cost, sums = 0.0, len(starts)
    reached = {place for place, _ in starts}
    for op, args, saved, to in rules:
        for k, place in enumerate(to):
            if place < 0:
                continue
            sums += 1
            reached.add(place)
            reads = op.reads[k] if op.reads else ()
            names = ["g", *[NAMES[i] for i in reads]]
            rule = Pointwise("rule", partial(_alone, op, k, args, reads), names)
            probed = rule.probe((), [False, *[kinds[saved[i]] == "?" for i in reads]], t)
            if probed is not None:  # it is more than g itself
                cost += probed[0] + _ARRAY * (len(names) + 1)
    return cost + (sums - len(reached)) * (1 + 3 * _ARRAY)


def _alone(op: Op, k: int, args: Any, reads: Sequence[int], F: Any, g: Any, *values: Any) -> Any:
    return _cotangent(F, op, k, g, dict(zip(reads, values, strict=True)), args)


def _cotangent(F: Any, op: Op, k: int, g: Any, saved: Mapping[int, Any], args: Any) -> Any:
    """What an op's rule for its input k makes of g. saved: what it reads, by places."""
    rule = op.rules[k]
    if isinstance(rule, str):
        return F.write(rule, {"g": g, **{NAMES[i]: x for i, x in saved.items()}})
    shapes = ((None,) * len(op.rules),) if _knows_shapes(op) else ()
    return rule(F, g, *saved.values(), *shapes, *args)


class _Composed:
    """One result of a row, as a function of F and operands.

    places: the operands that it reads. same: the operand that it is, if no rule changes that.
    """

    def __init__(self, key: Key, result: int) -> None:
        self._rules, self._starts, *_ = key
        self._result, self._needed = result, {result}
        reads: set[int] = set()
        for i in reversed(range(len(self._rules))):
            op, _, saved, to = self._rules[i]
            for k, place in enumerate(to):
                if place in self._needed:
                    self._needed.add(i)
                    reads.update(saved[j] for j in (op.reads[k] if op.reads else ()))
        starts = [(place, x) for place, x in self._starts if place in self._needed]
        self.places = tuple(sorted(reads.union(x for _, x in starts)))
        self.same = self._passed_on(starts)

    def _passed_on(self, starts: Sequence[tuple[int, int]]) -> int | None:
        if len(starts) != 1:
            return None
        for i in self._needed - {self._result}:
            op, _, _, to = self._rules[i]
            ways = [op.rules[k] for k, place in enumerate(to) if place in self._needed]
            if ways != ["g"]:
                return None
        return starts[0][1]

    def __call__(self, F: Any, *values: Any) -> Any:
        given = dict(zip(self.places, values, strict=True))
        now: dict[int, Any] = {}
        for place, x in self._starts:
            if place in self._needed:
                now[place] = given[x]
        for i, (op, args, saved, to) in enumerate(self._rules):
            if i not in self._needed:
                continue
            g = now.pop(i)
            for k, place in enumerate(to):
                if place in self._needed:
                    reads = op.reads[k] if op.reads else ()
                    c = _cotangent(F, op, k, g, {j: given[saved[j]] for j in reads}, args)
                    now[place] = now[place] + c if place in now else c
        return now[self._result]


tape.row = Row
nameless(globals())

"""The tape: record operations, sweep cotangents back. It sees arrays; Tensors appear only through a Domain.

One clock numbers recorded nodes and in-place writes. A node is younger than its parents, so a heap on -seq
pops every node after its consumers: the topological order without recursion or counting. A saved array is
stale exactly if its buffer was written after the node that saved it: one compare per node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from heapq import heappop, heappush
from sys import _getframe as frame
from types import CodeType
from typing import Any, Protocol
from weakref import ref

from tapegrad._errors import caller, place, seen, user_frame
from tapegrad._state import autocast, special, tier, watch
from tapegrad.kernels.errstate import again, nameless
from tapegrad.levels import Level, entered
from tapegrad.rare import Rare, late, run_after, run_hooks, run_post, run_pre, running
from tapegrad.reach import Selection
from tapegrad.stale import check_saved, read_by
from tapegrad.sums import Leaves, total
from tapegrad.writes import last_write, tick


class Op:
    """One operation: its name, its kernel, and how to go back.

    forward: arrays (then arguments) in, array out.
    at_once: whether machine code computes it from the first call on, see `kernels.standing`.
    call:    the same on Tensors.
    check:   check(op, operands) raises for operands that the op refuses, or None.
    vjp:     vjp(F, g, saved, meta, parents) -> a cotangent or None per parent, written over a namespace F.
    meta:    meta(arrays, args) -> what a node keeps besides arrays.
    batch:   batch(B, arrays, args) computes it for a whole batch, see `storage.batched`; None: by its kind.
    body:    the same in terms of other ops, body(F, *arrays, *args); None if it is none.
    view:    what makes a view of a tensor's own array, if the result shares the input's memory, else False.
    inner:   the op of nodes that are recorded inside transforms, made by `inner_op` when first needed.
    reads:   for each input, the places in `saved` that its cotangent is computed from.
    replay:  replay(meta, inputs) computes the output anew, for evaluating a recorded graph.
    shown:   the class that its nodes take when somebody looks at them, named as torch names it.
    linear:  whether `call` is its own derivative (then jvp is the op itself).
    widens:  whether it computes, so that float16 and bfloat16 go through float32 (`define.narrow`).
    ir:      for compilers, what a pointwise kernel computes of floats: an expression, or a function
             ir(F, *arrays, *args); "" where that is not said.
    rules:   the cotangents of a pointwise op, as expressions or functions.
    """

    __slots__ = (
        *("at_once", "batch", "body", "call", "check", "forward", "inner", "ir", "kind", "linear", "meta"),
        *("name", "reads", "replay", "rules", "shown", "view", "vjp", "widens"),
    )

    def __init__(self, name: str, kind: str, forward: Any, ir: Any = "", linear: bool = False) -> None:
        self.name, self.kind, self.forward, self.ir, self.linear = name, kind, forward, ir, linear
        self.at_once: bool = getattr(forward, "at_once", False)
        self.reads: tuple[tuple[int, ...], ...] = ()
        self.rules: tuple[Any, ...] = ()
        self.call: Any = None
        self.check: Any = None
        self.vjp: Any = None
        self.batch: Any = None
        self.body: Any = None
        self.inner: Op | None = None
        self.view: Any = False
        self.widens = kind not in ("linear", "indexing", "variadic", "border")
        self.meta: Any = lambda xs, args: args
        self.replay: Any = lambda meta, xs: forward(*xs)
        self.shown: type[Node] = Node

    def __repr__(self) -> str:
        return f"<op {self.name}: {self.kind}>"


class Node:
    """One recorded operation.

    All are of one class, because CPython's inline caches serve one class at a time: a class per op makes the
    attributes below dearer, in the wrappers and in the sweep, by about a tenth of a chain's time.

    op:      what was done.
    parents: the node of every input, None where an input needs no gradient.
    saved:   (output, *inputs) with None for what no rule reads, or () if none reads anything; a `Freed` once
             a backward has used it, or another `Held` while the values are elsewhere.
    meta:    what else the rule needs: shapes and arguments.
    seq:     when it was recorded.
    trace:   (output, *inputs) of a small op, for pictures of the graph; of a large one the output's shape.
    rare:    hooks and a retained gradient, or None.
    code, lasti: where it was recorded; `place(code, lasti)` is the line.
    """

    __slots__ = ("code", "lasti", "meta", "op", "parents", "rare", "saved", "seq", "trace")
    op: Any
    parents: tuple[Node | None, ...]
    saved: Any
    meta: Any
    seq: int
    trace: Any
    code: CodeType
    lasti: int
    rare: Rare | None
    level = 0  # the id of the innermost transform that it was recorded in
    outputs = 0  # of an operation with several: how many; its cotangents come as a dict by their numbers
    port: int | None = None  # of a node for one of several outputs: its number; the operation is its parent

    def name(self) -> str:
        """The name as torch gives it."""
        return type(self).__name__ if self.op is None else self.op.shown.__name__

    def show(self) -> Node:
        """This node, for a user to look at: from now on in its op's own class, so that type() names it."""
        if type(self) is Node:
            self.__class__ = self.op.shown
        return self

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


class InnerNode(Node):
    """A node that was recorded inside a transform."""

    __slots__ = ("level",)
    level: int


class AccumulateGrad(Node):
    """A leaf: where gradients arrive. It lives as long as its tensor and keeps `grad` for it."""

    __slots__ = ("_tensor", "grad", "label")
    grad: Any
    label: str | None

    def __init__(self, shape: tuple[int, ...], tensor: Any = None) -> None:
        self.op, self.parents, self.saved, self.meta, self.rare = None, (), (), None, None
        self.trace, self.grad, self.label = shape, None, None
        self._tensor = None if tensor is None else ref(tensor)
        self.seq = tick()
        self.code, self.lasti = caller()

    @property
    def variable(self) -> Any:
        """The tensor whose leaf this is; None once nobody holds it any more."""
        return None if self._tensor is None else self._tensor()


class StoppedGrad(AccumulateGrad):
    """A leaf whose tensor was told to require no grad, so nothing is added up. `kept` is its grad of then."""

    __slots__ = ()
    kept: Any = vars(AccumulateGrad)["grad"]

    def name(self) -> str:
        """The name as torch gives it."""
        return AccumulateGrad.__name__


class Severed(StoppedGrad):
    """The node of a view that was cut from what requires grad where nothing is recorded. As in torch it
    requires grad, and so does what is computed of it, but no gradient arrives, and no hook sees one."""

    __slots__ = ()


# Deposits find nothing, and replace it in vain. By setattr, since mypy knows no property in place of a slot.
for _leaf, _slot in ((StoppedGrad, "grad"), (Severed, "rare"), (Severed, "kept")):
    setattr(_leaf, _slot, property(lambda n: None, lambda n, x: None))


class Held(Protocol):
    """What `saved` is while the saved values are not in the node."""

    def apart(self, a: Any) -> None:
        """Keep copies of what shares memory with a, which is about to be overwritten."""

    def opened(self, n: Node) -> Any:
        """What n's rule reads, as something with n's `saved`, `meta` and `seq`, or a RuntimeError."""


class Freed:
    """What `saved` becomes when a backward has used a node: where that backward was called."""

    __slots__ = ("code", "lasti")
    code: CodeType
    lasti: int

    def opened(self, n: Node) -> Any:
        """n as if it had saved nothing, if its op's rules read values, but none of those for the parents that
        need a gradient. Raises: RuntimeError else."""
        if any(n.op.reads) and not read_by(n):
            bare = copy(n)
            bare.saved = n.trace if n.meta is None else (None,) * (len(n.parents) + 1)  # for shapes, or not
            return bare
        where = place(self.code, self.lasti)
        raise RuntimeError(
            f"{n.op.name} backward: this graph was already used and freed (by {where}). "
            f"Pass retain_graph=True there, or run the forward again ({n.op.name} was recorded at "
            f"{place(n.code, n.lasti)})."
        )


def freed_here() -> Freed:
    """A Freed of the user's line that led here."""
    f = Freed()
    f.code, f.lasti = caller(4)
    return f


def record(
    op: Op, parents: tuple[Node | None, ...], saved: Any, meta: Any, trace: Any, depth: int = 3
) -> Node:
    """A node of the calling wrapper's operation, which its user called `depth` frames up. Hot: plain stores.

    Most wrappers stand behind one public function, hence 3: this, the wrapper, the function, the user.

    The hottest wrappers (elementwise) hold a copy of this body: the call alone would cost them a twentieth.
    """
    n = Node()
    if special.alert and (levels := watch().levels):
        n, op, parents, meta = _inside(levels, op, parents, meta)
    n.op = op
    n.parents = parents
    n.saved = saved
    n.meta = meta
    n.trace = trace
    n.rare = None
    n.seq = tick()
    f: Any = frame(depth)
    code = f.f_code
    if code.co_filename is not seen.file:
        f = user_frame(f)
        code = f.f_code
    n.code, n.lasti = code, f.f_lasti
    return n


def beside(above: Node, op: Op, parents: tuple[Node | None, ...], meta: Any, trace: Any) -> Node:
    """`record` for a node of the same line as `above`, which has just been recorded. Hot: plain stores."""
    n = Node()
    if special.alert and (levels := watch().levels):
        n, op, parents, meta = _inside(levels, op, parents, meta)
    n.op = op
    n.parents = parents
    n.saved = ()
    n.meta = meta
    n.trace = trace
    n.rare = None
    n.seq = tick()
    n.code, n.lasti = above.code, above.lasti
    return n


# ---- recording inside transforms: an edge never leaves a level except through that level's own nodes


CROSS = Op("cross", "linear", None, linear=True)  # storage/borders.py gives it its rule


def _inside(
    levels: tuple[Level, ...], op: Op, parents: tuple[Node | None, ...], meta: Any
) -> tuple[InnerNode, Op, tuple[Node | None, ...], Any]:
    """An empty node of the innermost level, and what to put into it: parents that lie in the level, and the
    op that goes back there."""
    n = InnerNode()
    n.level = levels[-1].id
    parents = tuple([None if p is None else crossed(p, levels) for p in parents])
    return n, op.inner or inner_op(op), parents, (levels, meta)


def inner_op(op: Op) -> Op:
    """The op whose rule runs where its node was recorded: inside transforms that may have ended since."""
    inner = op.inner = copy(op)
    vjp, replay = op.vjp, op.replay

    def within(F: Any, g: Any, saved: Any, meta: Any, need: Any) -> Any:
        with entered(meta[0]):
            return vjp(F if F.records else Level.F, g, saved, meta[1], need)

    inner.vjp = within
    inner.replay = lambda meta, xs: replay(meta[1], xs)
    return inner


def crossed(p: Node, levels: Sequence[Level]) -> Node:
    """The node that stands for p inside all of these levels that are younger than p."""
    for level in levels:
        if p.level >= level.id:
            continue
        inner = level.crossed.get(p)
        if inner is None:
            inner = level.crossed[p] = cross_node(p, level)
        p = inner
    return p


def cross_node(p: Node, level: Level) -> InnerNode:
    """A node inside a level for the value of p outside of it."""
    n = InnerNode()
    n.op, n.parents, n.saved, n.meta, n.trace, n.rare = CROSS, (p,), (), (level,), None, None
    n.level, n.seq = level.id, tick()
    n.code, n.lasti = caller()
    return n


# ---- the sweep


class Domain(Protocol):
    """Where rules run: on raw arrays (RAW), or on Tensors that record what the rules do (RECORDED)."""

    plain: bool  # whether a rule may be given what its node saved as it is
    records: bool
    F: Any

    def attach(self, n: Node, saved: Any) -> Any:
        """What n saved, as values of this domain."""

    def wrap(self, g: Any) -> Any:
        """A cotangent as a Tensor, for hooks."""

    def unwrap(self, t: Any) -> Any:
        """A hook's Tensor as a cotangent."""

    def own(self, g: Any) -> Any:
        """g itself or a copy, such that nobody else can see its memory."""

    def deposit(self, gradients: Leaves) -> None:
        """Add each leaf's gradient to its grad."""


def sweep(
    roots: Sequence[Node],
    seeds: Sequence[Any],
    domain: Domain,
    *,
    retain: bool = False,
    wanted: Iterable[Node] | None = None,
) -> Leaves:
    """Push seeds[i] from roots[i] back through the graph.

    Without `wanted`, gradients are added to the leaves once the sweep has succeeded. With it, those nodes'
    cotangents are returned, as Leaves that say which of them others may see, and no leaf changes; a wanted
    node's own rule runs only if another wanted node lies below. A rule returns its g, a view of it or fresh
    arrays, none of them twice.

    Raises: RuntimeError on a freed graph or an overwritten saved array; whatever a hook raises.
    """
    grads: dict[Node, Any] = {}
    heap: list[tuple[int, Node]] = []
    for n, g in zip(roots, seeds):  # noqa: B905 # checked by the caller; strict= takes 0.3 us
        if n in grads:
            grads[n] = total(grads[n], g)
        else:
            grads[n] = g
            heappush(heap, (-n.seq, n))
        if n.seq > tier.late:
            tier.wake(large=False)
    used = None if retain else freed_here()
    walk = watched if special.alert and (watch().observers or watchers.checks or autocast.on) else _walk
    if wanted is None:
        leaves = walk(heap, grads, domain, used, None)
        if leaves:
            domain.deposit(leaves)
            if late.wanted:
                run_after(leaves, domain)
        return leaves
    return walk(heap, grads, domain, used, Selection(roots, set(wanted), domain.records))


Heap = list[tuple[int, Node]]
Grads = dict[Node, Any]
Used = Freed | None
Part = Selection | None
Checks = tuple[Callable[[Node, Any, Any], None], ...]


class Watchers:
    """Who wants to see what every rule makes, in every thread: check(n, g, below). See `anomaly_mode`."""

    __slots__ = ("checks",)

    def __init__(self) -> None:
        self.checks: Checks = ()


watchers = Watchers()


def watched(heap: Heap, grads: Grads, domain: Domain, used: Used, part: Part) -> Leaves:
    """`_walk` without autocast, while observers (`observers.Observer`) watch: they see what rules make."""
    seers, on = [o for o in watch().observers if hasattr(o, "swept")], autocast.on
    for o in seers:
        o.begin([n for _, n in heap], part is None)
    autocast.on = False
    try:
        return _walk(heap, grads, domain, used, part, (*[o.swept for o in seers], *watchers.checks))
    finally:
        autocast.on = on
        for o in seers:
            o.end()


def _walk(heap: Heap, grads: Grads, domain: Domain, used: Used, part: Part, checks: Checks = ()) -> Leaves:
    """The leaves' gradients: run the youngest node's rule for its parents' cotangents, until none is left."""
    F, plain, records = domain.F, domain.plain and not checks, domain.records
    leaves = Leaves({}, records) if part is None else part.got
    later = row(F, heap, grads, leaves, used) if row is not None and plain and part is None else None
    while heap:
        n = heappop(heap)[1]
        if later is not None and later.takes(n):
            continue
        g, rare = grads.pop(n), n.rare
        if (rare is not None or part is not None) and (g := _arrived(n, g, domain, part, heap)) is None:
            continue
        if (op := n.op) is None:
            leaves.add(n, g if rare is None else domain.own(g), rare is None)  # hooks must not see a seed
            continue
        parents, i = n.parents, -1
        if plain and rare is None and (saved := n.saved).__class__ is tuple:
            if last_write.tick > n.seq:
                check_saved(n)
            try:
                below = op.vjp(F, g, saved, n.meta, parents)
            except Exception as e:
                if not silenced(e, n):
                    raise
                below = again(op.vjp, F, g, saved, n.meta, parents)
        else:
            below = _pull(n, g, domain, checks)
        for p in parents:
            i += 1
            if p is None or (pg := below[i]) is None:
                continue
            if type(p) is AccumulateGrad and p.rare is None and (part is None or p in part.targets):
                leaves.add(p, pg, records or pg is g or pg.base is not None)  # nothing lies below it
            elif p in grads:
                grads[p] = total(grads[p], pg)
            elif part is None or p in part.through or p in part.targets:
                grads[p] = pg
                heappush(heap, (-p.seq, p))
        if used is not None and op.reads:
            n.saved = used
    return leaves if later is None else later.ended()


row: Any = None  # row(F, heap, grads, leaves, used) puts rules off, see `define.fusing`; None: nothing does


def silenced(e: Exception, n: Node) -> bool:
    """Whether e comes from the user's np.seterr(all="raise"), so that n's rule is to run again without it.
    Any other exception is told where n was recorded."""
    if isinstance(e, FloatingPointError):
        return True
    e.add_note(f"This happened in the backward of {n.op.name}, recorded at {place(n.code, n.lasti)}.")
    return False


def _pull(n: Node, g: Any, domain: Domain, checks: Checks) -> Any:
    """What n's rule makes of g where that is not plain: it may be recorded, what it reads may be elsewhere,
    and hooks or checks may wait for the result."""
    source: Any = n
    while source.saved.__class__ is not tuple:
        source = source.saved.opened(source)
    if last_write.tick > source.seq:
        check_saved(source)
    given = domain.F, g, domain.attach(n, source.saved), source.meta, n.parents
    try:
        below = n.op.vjp(*given)
    except Exception as e:
        if not silenced(e, n):
            raise
        below = again(n.op.vjp, *given)
    if n.rare is not None and n.rare.post:
        below = run_post(n, g, below, domain)
    for check in checks:
        check(n, g, below)
    return below


def _arrived(n: Node, g: Any, domain: Domain, part: Part, heap: Heap) -> Any:
    """The cotangent after n's hooks, noted if it is wanted; None if nothing that is wanted lies below n."""
    rare = n.rare
    if rare is None:
        assert part is not None
        return part.note(n, g)
    was, running.sweep = running.sweep, (n, heap, part)
    try:
        g = run_hooks(rare, g, domain)
        if part is not None and part.note(n, g) is None:
            return None
        return run_pre(n, g, domain) if rare.pre else g
    finally:
        running.sweep = was


nameless(globals())

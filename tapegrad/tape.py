"""The tape: record operations, sweep cotangents back. It sees arrays; Tensors appear only through a Domain.

One clock numbers recorded nodes and in-place writes. A node is younger than its parents, so a heap on -seq
pops every node after all of its consumers: the topological order without recursion and without counting. A
saved array is stale exactly if its buffer was written after the node that saved it: one integer compare per
node finds that out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from operator import add
from sys import _getframe as frame
from types import CodeType
from typing import Any, Protocol

from numpy import ndarray

from tapegrad._errors import caller, describe, place, seen, user_frame
from tapegrad._state import grad_enabled, inference_enabled, set_mode
from tapegrad.kernels.errstate import again, nameless
from tapegrad.writes import last_write, tick, writes_to


class Op:
    """One operation: its name, its kernel, and how to go back.

    forward: arrays (then arguments) in, array out.
    call:    the same on Tensors.
    check:   check(op, operands) raises for operands that the op refuses, or None.
    vjp:     vjp(F, g, saved, meta, parents) -> a cotangent or None per parent, written over a namespace F.
    reads:   for each input, the places in `saved` that its cotangent is computed from.
    replay:  replay(meta, inputs) computes the output anew, for evaluating a recorded graph.
    shown:   the class that its nodes take when somebody looks at them, named as torch names it.
    linear:  whether `call` is its own derivative (then jvp is the op itself).
    ir:      the pointwise expression, for compilers; "" where the kind or the kernel says it.
    """

    __slots__ = (
        *("call", "check", "forward", "ir", "kind", "linear", "name"),
        *("reads", "replay", "shown", "vjp"),
    )

    def __init__(self, name: str, kind: str, forward: Any, ir: str = "", linear: bool = False) -> None:
        self.name, self.kind, self.forward, self.ir, self.linear = name, kind, forward, ir, linear
        self.reads: tuple[tuple[int, ...], ...] = ()
        self.call: Any = None
        self.check: Any = None
        self.vjp: Any = None
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
             a backward has used it.
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

    def name(self) -> str:
        """The name as torch gives it."""
        return type(self).__name__ if self.op is None else self.op.shown.__name__

    def show(self) -> Node:
        """This node, for a user to look at: from now on in its op's own class, so that type() names it."""
        self.__class__ = self.op.shown
        return self

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


class AccumulateGrad(Node):
    """A leaf: where gradients arrive. It lives as long as its tensor and keeps `grad` for it."""

    __slots__ = ("grad", "label")
    grad: Any
    label: str | None

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.op, self.parents, self.saved, self.meta, self.rare = None, (), (), None, None
        self.trace, self.grad, self.label = shape, None, None
        self.seq = tick()
        self.code, self.lasti = caller()


class Rare:
    """What few nodes have: hooks on their cotangent, and a retained gradient."""

    __slots__ = ("grad", "hooks", "retains")

    def __init__(self) -> None:
        self.hooks: dict[int, Callable[[Any], Any]] = {}
        self.retains = False
        self.grad: Any = None


class Freed:
    """What `saved` becomes when a backward has used a node: where that backward was called."""

    __slots__ = ("code", "lasti")
    code: CodeType
    lasti: int


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


# ---- what was saved must be as it was


def check_saved(n: Node) -> None:
    """Raises: RuntimeError if an array that n's rules read was written in place since."""
    read = {k for p, ks in zip(n.parents, n.op.reads, strict=False) if p is not None for k in ks}
    for x in [*[n.saved[k] for k in sorted(read)], *_arrays_in(n.meta)]:
        w = writes_to(x) if hasattr(x, "dtype") else None
        if w is not None and w.tick > n.seq:
            assert w.code is not None
            raise RuntimeError(
                f"{n.op.name} backward: a {describe(x)} array that {n.op.name} saved "
                f"({place(n.code, n.lasti)}) was "
                f"written in place at {place(w.code, w.lasti)}. Clone it first, or use the out-of-place op."
            )


def _arrays_in(meta: Any) -> list[Any]:
    """The arrays among an op's arguments: indices, masks, class weights."""
    if isinstance(meta, (tuple, list)):
        return [a for m in meta for a in _arrays_in(m)]
    return [meta] if isinstance(meta, ndarray) else []


def freed_error(n: Node) -> RuntimeError:
    """What a second backward through a freed node says."""
    where = place(n.saved.code, n.saved.lasti)
    return RuntimeError(
        f"{n.op.name} backward: this graph was already used and freed (by {where}). "
        "Pass retain_graph=True there, or run the forward again."
    )


# ---- the sweep


class Domain(Protocol):
    """Where rules run: on raw arrays (RAW), or on Tensors that record what the rules do (RECORDED)."""

    records: bool
    F: Any

    def attach(self, n: Node) -> Any:
        """What n saved, as values of this domain."""

    def wrap(self, g: Any) -> Any:
        """A cotangent as a Tensor, for hooks."""

    def unwrap(self, t: Any) -> Any:
        """A hook's Tensor as a cotangent."""

    def own(self, g: Any) -> Any:
        """g itself or a copy, such that nobody else can see its memory."""

    def deposit(self, gradients: dict[Any, Any]) -> None:
        """Add each leaf's owned gradient to its grad."""


def sweep(
    roots: Sequence[Node],
    seeds: Sequence[Any],
    domain: Domain,
    *,
    retain: bool = False,
    wanted: Iterable[Node] | None = None,
) -> dict[Node, Any]:
    """Push seeds[i] from roots[i] back through the graph.

    Without `wanted`, gradients are added to the leaves once the whole sweep has succeeded. With it, the
    cotangents of those nodes are returned and no leaf changes; a wanted node is captured, and its own rule
    runs only if another wanted node lies below it. A rule returns its g, a view of it or fresh arrays, none
    of them twice.

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
    used = None if retain else freed_here()
    if wanted is None:
        leaves = _walk(heap, grads, domain, used, None)
        if leaves:
            domain.deposit(leaves)
        return {}
    selection = Selection(roots, set(wanted))
    _walk(heap, grads, domain, used, selection)
    return selection.got


class Selection:
    """A partial sweep: its targets, the nodes through which a root reaches one, and what arrived."""

    __slots__ = ("got", "targets", "through")

    def __init__(self, roots: Iterable[Node], targets: set[Node]) -> None:
        self.targets, self.through = targets, between(roots, targets)
        self.got: dict[Node, Any] = {}


def _walk(
    heap: list[Any], grads: dict[Node, Any], domain: Domain, used: Freed | None, selection: Selection | None
) -> dict[Node, Any]:
    """Take the youngest node, run its rule, hand its parents their cotangents, until none is left; returned
    are the leaves' gradients, as arrays that nobody else can see."""
    F, records = domain.F, domain.records
    leaves: dict[Node, Any] = {}
    while heap:
        n = heappop(heap)[1]
        g = grads.pop(n)
        if (n.rare is not None or selection is not None) and (g := _arrived(n, g, domain, selection)) is None:
            continue
        if (op := n.op) is None:
            leaves[n] = domain.own(g)
            continue
        if (saved := n.saved).__class__ is Freed:
            raise freed_error(n)
        if last_write.tick > n.seq:
            check_saved(n)
        parents = n.parents
        try:
            below = op.vjp(F, g, domain.attach(n) if records else saved, n.meta, parents)
        except FloatingPointError:  # the user has set np.seterr(all="raise")
            below = again(op.vjp, F, g, saved, n.meta, parents)
        i = -1
        for p in parents:
            i += 1
            if p is None or (pg := below[i]) is None:
                continue
            if type(p) is AccumulateGrad and p.rare is None and selection is None:  # nothing lies below it
                if (old := leaves.get(p)) is not None:
                    leaves[p] = old + pg if records else added(old, pg)
                else:
                    leaves[p] = domain.own(pg) if records or pg is g or pg.base is not None else pg
            elif p in grads:
                grads[p] = total(grads[p], pg)
            elif selection is None or p in selection.through or p in selection.targets:
                grads[p] = pg
                heappush(heap, (-p.seq, p))
        if used is not None and op.reads:
            n.saved = used
    return leaves


def _arrived(n: Node, g: Any, domain: Domain, selection: Selection | None) -> Any:
    """The cotangent after n's hooks, noted if it is wanted; None if nothing that is wanted lies below n."""
    if n.rare is not None:
        g = run_hooks(n, g, domain)
    if selection is None:
        return g
    if n in selection.targets:
        selection.got[n] = g
    return g if n in selection.through else None


def added(own: Any, g: Any) -> Any:
    """own + g, in the memory of own, which nobody else can see."""
    try:
        own += g
    except FloatingPointError:  # NumPy raises after it has written an array
        return own if type(own) is ndarray else again(add, own, g)
    return own


def total(a: Any, b: Any) -> Any:
    """a + b."""
    try:
        return a + b
    except FloatingPointError:
        return again(add, a, b)


def run_hooks(n: Node, g: Any, domain: Domain) -> Any:
    """The cotangent after a node's hooks, in the order they were added; then keep it if it is to be
    retained."""
    rare = n.rare
    assert rare is not None
    if rare.hooks:
        grad, inference = grad_enabled(), inference_enabled()
        set_mode(domain.records, inference)  # a hook's own arithmetic is recorded exactly if the backward is
        try:
            for hook in list(rare.hooks.values()):
                r = hook(domain.wrap(g))
                if r is not None:
                    g = _hooked(domain, g, r)
        finally:
            set_mode(grad, inference)
    if rare.retains:
        kept = domain.wrap(domain.own(g))
        rare.grad = kept if rare.grad is None else domain.wrap(domain.unwrap(rare.grad) + domain.unwrap(kept))
    return g


def _hooked(domain: Domain, g: Any, r: Any) -> Any:
    """What a hook returned, in place of the cotangent g. Raises: TypeError, RuntimeError if it cannot be."""
    if not hasattr(r, "_node"):
        raise TypeError(f"hook: it returned {describe(r)}; a Tensor or None is needed.")
    new = domain.unwrap(r)
    if new.shape != g.shape or new.dtype != g.dtype:
        raise RuntimeError(
            f"hook: it returned {describe(r)} for a {describe(g)} gradient; both must be alike."
        )
    return new


def between(roots: Iterable[Node], targets: set[Node]) -> set[Node]:
    """The nodes through which a root reaches a target: those whose rule must run."""
    oldest = min((n.seq for n in targets), default=0)
    seen = set(roots)
    stack = list(seen)
    while stack:
        for p in stack.pop().parents:
            # A parent is older than its child: below the oldest target there is no target.
            if p is not None and p.seq >= oldest and p not in seen:
                seen.add(p)
                stack.append(p)
    through: set[Node] = set()
    for n in sorted(seen, key=lambda n: n.seq):
        if any(p in through or p in targets for p in n.parents):
            through.add(n)
    return through


nameless(globals())

"""What few nodes have: hooks, a retained gradient, a user's notes. The sweep comes here only where a node's
`rare` is set."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import local
from typing import TYPE_CHECKING, Any

from tapegrad._errors import describe, place
from tapegrad._state import grad_enabled, inference_enabled, set_mode
from tapegrad.kernels.errstate import nameless

if TYPE_CHECKING:
    from tapegrad.tape import Domain, Node

Hooks = dict[int, Callable[..., Any]]


class Rare:
    """What few nodes have.

    hooks:    of a tensor: hook(g) sees its cotangent and may replace it.
    retains:  whether the cotangent is kept in `grad`.
    pre:      of the node itself: hook(cotangents of its outputs), before its rule runs.
    post:     hook(cotangents of its inputs, those of its outputs), after its rule has run.
    after:    of a leaf: hook(tensor), after its gradient was added up.
    metadata: a dictionary for the user's notes, or None.
    """

    __slots__ = ("after", "grad", "hooks", "metadata", "post", "pre", "retains")

    def __init__(self) -> None:
        self.hooks: Hooks = {}
        self.pre: Hooks = {}
        self.post: Hooks = {}
        self.after: Hooks = {}
        self.metadata: dict[Any, Any] | None = None
        self.retains = False
        self.grad: Any = None


def succeed(t: Any, n: Node) -> None:
    """n becomes the node of the tensor t, which was written: it keeps t's gradient, and retains it if
    retain_grad() asked for that."""
    old, c = t._node, t._cold
    home = old if old is not None or c is None else c.leaf
    if home is not None and home.op is None:  # t is a leaf no more
        if (kept := t.grad) is not None:
            n.rare = n.rare or Rare()
            n.rare.grad = kept
        home.rare = home.rare or Rare()
        home.rare.pre[-1] = partial(_moved, n.code, n.lasti)
        if c is not None:
            c.leaf = None
    elif old is not None and old.rare is not None and old is not n:
        n.rare = n.rare or Rare()
        n.rare.retains, n.rare.grad = old.rare.retains, old.rare.grad
        old.rare.retains, old.rare.grad = False, None
    t._node = n


def _moved(code: Any, lasti: int, _: Any) -> None:
    """Raises: RuntimeError. The leaf that a gradient has come to is none any more."""
    raise RuntimeError(
        "backward: a gradient has come to a tensor that was a leaf when the graph was recorded, and was "
        f"written in place since by what is recorded ({place(code, lasti)}), so that it is the gradient of "
        "another value by now; clone() the tensor before it is written."
    )


class _Running(local):
    """In each thread, while hooks run: (the node, the sweep's heap, its selection)."""

    sweep: Any = None


running = _Running()


class Late:
    """Whether anybody has ever asked for hooks that run after gradients were added up."""

    __slots__ = ("wanted",)

    def __init__(self) -> None:
        self.wanted = False


late = Late()


class mode_of:
    """In the block operations are recorded exactly if the backward is."""

    __slots__ = ("_records", "_was")

    def __init__(self, domain: Domain) -> None:
        self._records = domain.records

    def __enter__(self) -> None:
        self._was = grad_enabled(), inference_enabled()
        set_mode(self._records, self._was[1] and not self._records)

    def __exit__(self, *_: object) -> None:
        set_mode(*self._was)


def run_hooks(rare: Rare, g: Any, domain: Domain) -> Any:
    """The cotangent after a tensor's hooks, in the order they were added; then keep it if it is to be
    retained."""
    if rare.hooks:
        with mode_of(domain):
            for hook in list(rare.hooks.values()):
                r = hook(domain.wrap(g))
                if r is not None:
                    g = _replaced(domain, g, r, "hook")
    if rare.retains:
        kept = domain.wrap(domain.own(g))
        old = None if rare.grad is None else domain.unwrap(rare.grad)
        if old is None or old.shape != g.shape:  # it was retained in another shape, which t_() has changed
            rare.grad = kept
        else:
            rare.grad = domain.wrap(old + domain.unwrap(kept))
    return g


def run_pre(n: Node, g: Any, domain: Domain) -> Any:
    """The cotangent after the hooks that wait before n's rule."""
    assert n.rare is not None
    with mode_of(domain):
        for hook in list(n.rare.pre.values()):
            given = outputs(n, g, domain)
            r = hook(given)
            if r is not None:
                g = _joined(n, g, _each(domain, outputs(n, g, None), r, "prehook"))
    return g


def run_post(n: Node, g: Any, below: Any, domain: Domain) -> Any:
    """The cotangents of n's inputs after the hooks that wait behind its rule."""
    assert n.rare is not None
    with mode_of(domain):
        for hook in list(n.rare.post.values()):
            r = hook(tuple([None if x is None else domain.wrap(x) for x in below]), outputs(n, g, domain))
            if r is not None:
                below = _each(domain, below, r, "hook")
    return below


def run_after(leaves: dict[Any, Any], domain: Domain) -> None:
    """The hooks of leaves whose gradients were just added up, given with what was added."""
    for n, g in leaves.items():
        if n.rare is None or not (n.rare.after or n.rare.post):
            continue
        tensor = n.variable
        with mode_of(domain):
            for hook in list(n.rare.after.values()) if tensor is not None else ():
                if (r := hook(tensor)) is not None:
                    raise TypeError(f"hook: it returned {describe(r)}; after accumulation it must be None.")
            for hook in list(n.rare.post.values()):
                hook((), (domain.wrap(g),))


def outputs(n: Node, g: Any, domain: Domain | None) -> tuple[Any, ...]:
    """n's cotangent as one per output of its operation, None for those that nothing has reached."""
    if not isinstance(g, dict):
        return (g if domain is None else domain.wrap(g),)
    parts = [g.get(i) for i in range(n.outputs or max(g) + 1)]
    return tuple([p if p is None or domain is None else domain.wrap(p) for p in parts])


def _joined(n: Node, g: Any, parts: list[Any]) -> Any:
    if not isinstance(g, dict):
        return parts[0]
    return type(g)({i: p for i, p in enumerate(parts) if p is not None})


def _each(domain: Domain, before: Any, r: Any, what: str) -> list[Any]:
    """What a node's hook returned, in place of the cotangents `before`. Raises: TypeError, RuntimeError if it
    cannot be."""
    if not isinstance(r, tuple):
        raise TypeError(f"{what}: it returned {describe(r)}; a tuple of gradients or None is needed.")
    if len(r) != len(before):
        raise RuntimeError(f"{what}: it returned {len(r)} gradients; {len(before)} are needed.")
    return [None if x is None else _replaced(domain, b, x, what) for b, x in zip(before, r, strict=True)]


def _replaced(domain: Domain, g: Any, r: Any, what: str) -> Any:
    """What a hook returned, in place of the cotangent g. Raises: TypeError, RuntimeError if it cannot be."""
    if not hasattr(r, "_node"):
        raise TypeError(f"{what}: it returned {describe(r)}; a Tensor or None is needed.")
    new = domain.unwrap(r)
    if g is not None and (new.shape != g.shape or new.dtype != g.dtype):
        raise RuntimeError(
            f"{what}: it returned {describe(r)} for a {describe(g)} gradient; both must be alike."
        )
    return new


nameless(globals())

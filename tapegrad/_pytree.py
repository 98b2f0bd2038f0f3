"""Trees of containers: tuples, lists, dicts, named tuples, dataclasses, and types that users register.

A tree is taken apart into its leaves (everything that is no container) and a `Spec` that puts leaves together
again. Source: torch.utils._pytree.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any

Flatten = Callable[[Any], tuple[list[Any], Any]]
Unflatten = Callable[[list[Any], Any], Any]
IsLeaf = Callable[[Any], bool]


def _by_fields(x: Any) -> tuple[list[Any], Any]:
    names = tuple([f.name for f in fields(x)])
    return [getattr(x, n) for n in names], (type(x), names)


def _from_fields(children: list[Any], context: Any) -> Any:
    kind, names = context
    x = object.__new__(kind)
    for name, child in zip(names, children, strict=True):
        object.__setattr__(x, name, child)
    return x


_NODES: dict[type, tuple[Flatten, Unflatten]] = {
    tuple: (lambda x: (list(x), None), lambda xs, _: tuple(xs)),
    list: (lambda x: (list(x), None), lambda xs, _: list(xs)),
    dict: (lambda x: (list(x.values()), tuple(x)), lambda xs, keys: dict(zip(keys, xs, strict=True))),
    OrderedDict: (
        lambda x: (list(x.values()), tuple(x)),
        lambda xs, keys: OrderedDict(zip(keys, xs, strict=True)),
    ),
    defaultdict: (
        lambda x: (list(x.values()), (x.default_factory, tuple(x))),
        lambda xs, c: defaultdict(c[0], zip(c[1], xs, strict=True)),
    ),
}


def register_pytree_node(cls: type, flatten_fn: Any, unflatten_fn: Any, **_: Any) -> None:
    """Treat a class as a container. flatten_fn(x) -> (children, context); unflatten_fn(children, context)."""

    def flatten(x: Any) -> tuple[list[Any], Any]:
        children, context = flatten_fn(x)
        return list(children), context

    _NODES[cls] = flatten, unflatten_fn
    _container.cache_clear()


def _find_container(kind: type) -> tuple[type, Flatten, Unflatten] | None:
    """How to take values of a class apart and put them together; None if they are leaves."""
    found = _NODES.get(kind)
    if found is not None:
        return kind, *found
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return kind, lambda x: (list(x), type(x)), lambda xs, kind: kind(*xs)
    if is_dataclass(kind):
        return kind, _by_fields, _from_fields
    return None


_container: Any = lru_cache(256)(_find_container)  # mypy takes no type[Any] for hashable


class Spec:
    """The containers of a tree: a leaf, or a kind of container with a Spec per child."""

    __slots__ = ("build", "children", "context", "kind")

    def __init__(
        self, kind: type | None = None, context: Any = None, children: Sequence[Spec] = (), build: Any = None
    ) -> None:
        self.kind, self.context, self.children, self.build = kind, context, tuple(children), build

    @property
    def num_leaves(self) -> int:
        """How many leaves it puts together."""
        return 1 if self.kind is None else sum([c.num_leaves for c in self.children])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spec) and (
            (self.kind, self.context, self.children) == (other.kind, other.context, other.children)
        )

    __hash__ = None  # type: ignore[assignment] # contexts need not be hashable

    def __repr__(self) -> str:
        inside = ", ".join(map(repr, self.children))
        return "*" if self.kind is None else f"{self.kind.__name__}({inside})"


_LEAF = Spec()


def tree_flatten(tree: Any, is_leaf: IsLeaf | None = None) -> tuple[list[Any], Spec]:
    """The leaves of a tree, in order, and its Spec. is_leaf: what else is a leaf, containers too."""
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves, is_leaf)


def _flatten(tree: Any, leaves: list[Any], is_leaf: IsLeaf | None) -> Spec:
    node = _container(type(tree))
    if node is None or (is_leaf is not None and is_leaf(tree)):
        leaves.append(tree)
        return _LEAF
    kind, flatten, build = node
    children, context = flatten(tree)
    return Spec(kind, context, [_flatten(c, leaves, is_leaf) for c in children], build)


def tree_unflatten(leaves: Iterable[Any], spec: Spec) -> Any:
    """The tree of a Spec with these leaves."""
    return _unflatten(iter(leaves), spec)


def _unflatten(leaves: Any, spec: Spec) -> Any:
    if spec.kind is None:
        return next(leaves)
    return spec.build([_unflatten(leaves, c) for c in spec.children], spec.context)


def tree_map(f: Callable[..., Any], tree: Any, *others: Any, is_leaf: IsLeaf | None = None) -> Any:
    """The tree with f(leaf, ...) for each leaf; `others` are trees of the same containers."""
    leaves, spec = tree_flatten(tree, is_leaf)
    rest = [tree_leaves(t, is_leaf) for t in others]
    return tree_unflatten([f(*xs) for xs in zip(leaves, *rest, strict=True)], spec)


def tree_leaves(tree: Any, is_leaf: IsLeaf | None = None) -> list[Any]:
    """The leaves of a tree."""
    return tree_flatten(tree, is_leaf)[0]


def broadcast_prefix(prefix: Any, tree: Any) -> list[Any] | None:
    """The leaves of `prefix`, a tree that ends earlier than `tree`, repeated for each leaf of `tree`; None if
    it is no prefix of it: containers must be of one kind, and dicts have the same keys."""
    found: list[Any] = []
    return found if _broadcast(prefix, tree, found) else None


def _broadcast(prefix: Any, tree: Any, found: list[Any]) -> bool:
    top = _container(type(prefix))
    if top is None:
        found += [prefix] * len(tree_leaves(tree))
        return True
    node = _container(type(tree))
    if node is None:
        return False
    if isinstance(prefix, dict) and isinstance(tree, dict):
        return prefix.keys() == tree.keys() and all(_broadcast(prefix[k], tree[k], found) for k in tree)
    (below, context), (children, other) = top[1](prefix), node[1](tree)
    return (
        node[0] is top[0]
        and context == other
        and len(below) == len(children)
        and all(_broadcast(p, c, found) for p, c in zip(below, children, strict=True))
    )

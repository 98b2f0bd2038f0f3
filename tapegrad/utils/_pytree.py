"""torch.utils._pytree: trees of containers, as research code takes them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tapegrad._pytree import (
    IsLeaf,
    register_pytree_node,
    tree_flatten,
    tree_leaves,
    tree_map,
    tree_unflatten,
)
from tapegrad._pytree import Spec as TreeSpec

__all__ = [
    "PyTree",
    "TreeSpec",
    "register_pytree_node",
    "tree_all",
    "tree_any",
    "tree_flatten",
    "tree_iter",
    "tree_leaves",
    "tree_map",
    "tree_map_only",
    "tree_structure",
    "tree_unflatten",
]

PyTree = Any


def tree_structure(tree: Any, is_leaf: IsLeaf | None = None) -> TreeSpec:
    """The containers of a tree, without its leaves."""
    return tree_flatten(tree, is_leaf)[1]


def tree_iter(tree: Any, is_leaf: IsLeaf | None = None) -> Iterator[Any]:
    """The leaves of a tree, one after the other."""
    return iter(tree_leaves(tree, is_leaf))


def tree_map_only(which: Any, f: Callable[[Any], Any], tree: Any, is_leaf: IsLeaf | None = None) -> Any:
    """The tree with f(leaf) for the leaves of a type, of several, or for which `which` is true."""
    typed = isinstance(which, (type, tuple))

    def g(leaf: Any) -> Any:
        return f(leaf) if (isinstance(leaf, which) if typed else which(leaf)) else leaf

    return tree_map(g, tree, is_leaf=is_leaf)


def tree_all(which: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf | None = None) -> bool:
    """Whether `which` is true for all leaves."""
    return all(map(which, tree_leaves(tree, is_leaf)))


def tree_any(which: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf | None = None) -> bool:
    """Whether `which` is true for a leaf."""
    return any(map(which, tree_leaves(tree, is_leaf)))

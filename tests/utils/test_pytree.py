"""torch.utils._pytree, as torch has it."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from typing import Any

import pytest

import tapegrad
from tapegrad.utils import _pytree as ours

Pair = namedtuple("Pair", "first second")  # as programs write it
TREES = [
    1,
    None,
    [],
    [1, (2, {"b": 3, "a": [4]}), ()],
    Pair(1, [2, Pair(3, 4)]),
    OrderedDict(z=1, a=(2, 3)),
]


@pytest.fixture
def theirs() -> Any:
    return pytest.importorskip("torch.utils._pytree")


@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_trees(tree: Any, theirs: Any) -> None:
    leaves, spec = ours.tree_flatten(tree)
    expected, structure = theirs.tree_flatten(tree)
    assert leaves == expected == list(ours.tree_iter(tree))
    assert spec.num_leaves == structure.num_leaves == len(leaves)
    assert ours.tree_unflatten(leaves, spec) == tree == ours.tree_map(lambda x: x, tree)
    assert ours.tree_structure(tree) == spec != ours.tree_structure([tree, 0])
    for p in (ours, theirs):
        assert p.tree_map_only(int, lambda x: -x, tree) == ours.tree_map(lambda x: x and -x, tree)
        assert p.tree_all(lambda x: x != 3, tree) is (3 not in leaves)
        assert p.tree_any(lambda x: x == 3, tree) is (3 in leaves)


def test_what_is_a_leaf(theirs: Any) -> None:
    tree = [(1, 2), [(3, 4)], 5]
    for p in (ours, theirs):
        assert p.tree_leaves(tree, is_leaf=lambda x: isinstance(x, tuple)) == [(1, 2), (3, 4), 5]
        assert p.tree_map(len, [(1, 2), (3,)], is_leaf=lambda x: isinstance(x, tuple)) == [2, 1]
        assert p.tree_map_only(lambda x: x > 1, str, tree) == [(1, "2"), [("3", "4")], "5"]
        assert p.tree_map(lambda a, b: a + b, [1, (2,)], [10, (20,)]) == [11, (22,)]


def test_a_class_is_registered_after_it_was_a_leaf() -> None:
    class Box:
        def __init__(self, x: Any) -> None:
            self.x = x

    box = Box([1, 2])
    assert ours.tree_leaves(box) == [box]
    ours.register_pytree_node(Box, lambda b: ((b.x,), None), lambda xs, _: Box(*xs))
    assert ours.tree_leaves([box]) == [1, 2]
    assert ours.tree_map(lambda x: x + 1, box).x == [2, 3]
    x = tapegrad.ones(2)
    found = tapegrad.func.grad(lambda b: (b.x[0] * b.x[1]).sum())(Box([x, 3 * x]))
    assert found.x[0].tolist() == [3, 3]
    assert found.x[1].tolist() == [1, 1]

"""That the samples reach every op of the registry, and that what has no derivative gives no gradient."""

from __future__ import annotations

from importlib import import_module

import pytest

import tapegrad as torch
from tapegrad import _state, func
from tapegrad.define import OPS
from tapegrad.testing.samples import ROWS
from tests.func.test_samples import all_samples
from tests.ops.comparing import attempt, is_tensor, leaves_of
from tests.ops.test_gradients import finish, forms

# What no call records: nodes of in-place writes, stand-ins of replays and arguments, bytes as another dtype.
BUILT_IN = {"alias.argument", "alias.replay", "constant", "view.bytes"}
INSIDE = {"detach", "pick", "place"}  # what other ops are made of inside of transforms, where they are tested
DRAWN = {"dirichlet_grad", "standard_gamma_grad"}  # of gradients of draws: see tests/distributions
LARGE = {"cross_entropy", "scaled_dot_product_attention"}  # what large arrays take: see tests/native
import_module("tapegrad.ops.gamma")  # its ops are there whether or not other tests have used them


def test_every_op_is_sampled():
    seen = set()

    def observe(op, *_):
        seen.add(next(key for key, known in OPS.items() if known is op))

    _state.set_watch((), (observe,))
    try:
        for row in ROWS.values():
            for _, op in forms(row):
                for c in row.samples:
                    _, built = c.build(torch)
                    result = attempt(lambda op=op, built=built: op(torch, *built.args, **built.kwargs))
                    attempt(lambda result=result, built=built: differentiate(result.value, built))
    finally:
        _state.set_watch((), ())
    borders = {key for key, op in OPS.items() if op.kind == "border"}
    recorded = {key for key in OPS if key.endswith(".recorded")}  # by draws and counts; see test_results.py
    # What has several results: observers see the views, or the operations of its body.
    several = {key for key in OPS if f"{key}.all" in OPS or key.endswith(".all")}
    missing = set(OPS) - seen - BUILT_IN - DRAWN - several - INSIDE - LARGE - borders - recorded
    assert not missing


def differentiate(result, built):
    """Twice, for the ops that only derivatives use."""
    leaves = [t for t in built_leaves(built) if t.requires_grad]
    ys = [t for t in leaves_of(result) if is_tensor(t) and t.requires_grad and t.numel()]
    for _ in range(2):
        if not ys:
            return
        total = sum((y * y).sum() for y in ys)
        gs = torch.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
        ys = [g for g in gs if g is not None and g.requires_grad and g.numel()]


def built_leaves(built):
    """The tensors among a call's arguments."""
    return [
        t for t in leaves_of([list(built.args), list(built.kwargs.values())]) if is_tensor(t) and t.is_leaf
    ]


@pytest.mark.parametrize("name", [n for n, row in ROWS.items() if not row.derivative])
def test_what_has_no_derivative_gives_no_gradient(name):
    lines = []
    for form, op in forms(ROWS[name]):
        for c in ROWS[name].samples:
            _, built = c.build(torch)
            result = attempt(lambda op=op, built=built: op(torch, *built.args, **built.kwargs))
            given = {id(t) for t in built_leaves(built)}
            if "requires_grad" in c.kwargs:
                continue
            ys = [
                t for t in leaves_of(result.value) if is_tensor(t) and t.requires_grad and id(t) not in given
            ]
            # torch records some that it refuses to go back through
            lines += [f"{form}{c}: it has a gradient" for t in ys if not attempt(t.sum().backward).error]
    finish(lines)


def test_tangents_of_what_has_no_derivative_are_zero():
    x = torch.randn(3, dtype=torch.float64)
    for f in (torch.sign, torch.floor, torch.round, lambda x: x.detach()):
        _, t = func.jvp(f, (x,), (torch.ones_like(x),))
        assert t.tolist() == [0, 0, 0]


def test_samples_of_the_registry_are_not_empty():
    assert sum(1 for row in ROWS.values() for _ in all_samples(row)) > 1000

"""nn.utils.prune: the same masks, states and gradients as torch's, and modules that stay whole on errors."""

from __future__ import annotations

from importlib import import_module

import pytest

import tapegrad
from tapegrad import nn
from tapegrad.nn.utils import prune
from tests.nn.programs import compare, raised

torch = pytest.importorskip("torch")


def pruning(t):
    """The library's module of this name."""
    return import_module(f"{t.__name__}.nn.utils.prune")


def told(t, module):
    """What there is of a pruned module, and its output and gradients."""
    x = t.ones(2, module.weight.shape[1])
    y = module(x)
    given = [p for p in module.parameters() if p.requires_grad]
    gs = t.autograd.grad((y * y).sum(), given, allow_unused=True)
    state = module.state_dict()
    return [list(state), *state.values(), [n for n, _ in module.named_parameters()], module.weight, y, *gs]


def methods(t):
    p, log = pruning(t), []
    calls = [
        lambda m: p.identity(m, "weight"),
        lambda m: p.random_unstructured(m, "weight", 0.4),
        lambda m: p.random_unstructured(m, "weight", amount=3),
        lambda m: p.l1_unstructured(m, "weight", 0.5),
        lambda m: p.l1_unstructured(m, "bias", 1),
        lambda m: p.l1_unstructured(m, "weight", 4, importance_scores=t.arange(12.0).reshape(4, 3)),
        lambda m: p.random_structured(m, "weight", 0.5, 0),
        lambda m: p.random_structured(m, "weight", 1, -1),
        lambda m: p.ln_structured(m, "weight", 0.5, 2, 0),
        lambda m: p.ln_structured(m, "weight", 1, float("inf"), dim=1),
        lambda m: p.ln_structured(m, "weight", 0, 1, 1),
        lambda m: p.custom_from_mask(m, "weight", t.eye(4)[:, :3]),
    ]
    for call in calls:
        m = t.nn.Linear(3, 4)
        assert call(m) is m and p.is_pruned(m)
        log += told(t, m)
        name = "bias" if "bias_orig" in m.state_dict() else "weight"
        assert p.remove(m, name) is m and not p.is_pruned(m)
        log += told(t, m)
    return log


def several(t):
    p, log = pruning(t), []
    m = t.nn.Linear(5, 6)
    p.random_unstructured(m, "weight", 0.3)
    p.ln_structured(m, "weight", 2, 2, 0)
    p.l1_unstructured(m, "weight", 0.5)
    p.random_structured(m, "weight", 1, 1)
    p.custom_from_mask(m, "weight", t.arange(30).reshape(6, 5) % 3 > 0)
    hooks = list(prune._hooks(m).values() if t is tapegrad else m._forward_pre_hooks.values())
    log += [len(hooks), [type(h).__name__ for h in hooks[0]], type(hooks[0][-1]).__name__, *told(t, m)]
    with t.no_grad():
        m.weight_orig.mul_(2)
    log += told(t, m)
    return log + told(t, p.remove(m, "weight"))


def everywhere(t):
    p = pruning(t)
    net = t.nn.Sequential(t.nn.Linear(4, 5), t.nn.Tanh(), t.nn.Linear(5, 3))
    both = [(net[0], "weight"), (net[2], "weight")]
    p.global_unstructured(both, p.L1Unstructured, amount=0.3)
    p.global_unstructured(both, p.RandomUnstructured, amount=4)
    scores = {both[1]: t.arange(15.0).reshape(3, 5) / 1000}
    p.global_unstructured(both, p.L1Unstructured, scores, amount=2)
    return [*net.state_dict().values(), net(t.ones(2, 4)), p.is_pruned(net), *told(t, net[2])]


def without_modules(t):
    p, x = pruning(t), t.arange(6.0).reshape(2, 3)
    log = [p.L1Unstructured(2).prune(x), p.LnStructured(1, 1, 0).prune(x, t.ones(2, 3), -x)]
    return [*log, p.CustomFromMask(t.eye(3)[:2]).prune(x, x), len(p.PruningContainer())]


def mistakes(t):
    p = pruning(t)
    m = t.nn.Linear(3, 4)
    calls = [
        lambda: p.l1_unstructured(m, "weight", "much"),
        lambda: p.l1_unstructured(m, "weight", 1.5),
        lambda: p.l1_unstructured(m, "weight", -1),
        lambda: p.l1_unstructured(m, "weight", 13),
        lambda: p.l1_unstructured(m, "nothing", 1),
        lambda: p.l1_unstructured(m, "weight", 1, t.ones(3)),
        lambda: p.random_structured(m, "bias", 1, 0),
        lambda: p.random_structured(m, "weight", 1, 2),
        lambda: p.custom_from_mask(m, "weight", t.ones(3)),
        lambda: p.remove(m, "weight"),
        lambda: p.L1Unstructured(1).prune(t.ones(2), importance_scores=t.ones(3)),
        lambda: p.global_unstructured(3, p.L1Unstructured, amount=1),
        lambda: p.global_unstructured([(m, "weight")], p.L1Unstructured, 3, amount=1),
        lambda: p.global_unstructured([(m, "weight")], p.LnStructured, amount=1, n=1),
        lambda: p.PruningContainer().add_pruning_method(3),
        lambda: p.BasePruningMethod(),
    ]
    log = [raised(call) for call in calls]
    return [*log, sorted(m.state_dict()), p.is_pruned(m)]  # torch has changed their order


@pytest.mark.parametrize("program", [methods, several, everywhere, without_modules, mistakes])
def test_as_torch(program):
    compare(program, torch)


def test_a_failed_second_pruning_changes_nothing():
    m = prune.l1_unstructured(nn.Linear(3, 4), "weight", 2)
    before, hooks = {k: v.tolist() for k, v in m.state_dict().items()}, prune._hooks(m)
    with pytest.raises(ValueError, match="prune: amount is 20; there are 10 to prune"):
        prune.l1_unstructured(m, "weight", 20)
    assert {k: v.tolist() for k, v in m.state_dict().items()} == before
    assert prune._hooks(m) == hooks


def test_messages():
    m = nn.Linear(3, 4)
    with pytest.raises(TypeError, match="prune: amount is str; a float from 0 to 1"):
        prune.l1_unstructured(m, "weight", "much")
    with pytest.raises(ValueError, match=r"prune\.remove: 'weight' of Linear is not pruned"):
        prune.remove(m, "weight")
    with pytest.raises(ValueError, match=r"prune: the tensor is \[4\]; for channels two dimensions"):
        prune.random_structured(m, "bias", 1, 0)


class Own(prune.BasePruningMethod):
    """A user's method without what a container needs."""

    PRUNING_TYPE = "structured"

    def compute_mask(self, t, default_mask):
        """As it was."""
        return default_mask


def test_a_method_of_the_user():
    m = nn.Linear(3, 4)
    Own.apply(m, "weight")
    with pytest.raises(AttributeError, match="prune: Own is structured and has no `dim`; set it"):
        Own.apply(m, "weight")
    with pytest.raises(AssertionError, match="prune: Own was not applied to a module"):
        Own().apply_mask(m)

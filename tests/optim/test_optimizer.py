"""What all optimizers share: groups, state, hooks, closures, refusals, and arrays of all kinds."""

import copy
import gc
import pickle

import numpy as np
import pytest

import tapegrad as torch
from tapegrad import nn
from tapegrad.optim import SGD, Adagrad, Adam, AdamW, Muon, Optimizer, RMSprop
from tapegrad.optim import swap_in_optimizer_params_and_state as swapped
from tapegrad.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from .samples import DIFFERENTIABLE, OPTIONS


def test_repr_and_groups():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    optimizer = SGD([{"params": model[0].parameters(), "lr": 0.5}, {"params": model[1].parameters()}], lr=0.1)
    assert [g["lr"] for g in optimizer.param_groups] == [0.5, 0.1]
    assert repr(optimizer).startswith("SGD (\nParameter Group 0\n    dampening: 0\n")
    optimizer.add_param_group({"params": torch.ones(1, requires_grad=True)})
    assert len(optimizer.param_groups) == 3


def test_state_dict_round_trip():
    def make():
        return torch.ones(2, requires_grad=True)

    def step(optimizer, w):
        w.grad = torch.tensor([1.0, 2.0])
        optimizer.step()

    a = make()
    first = SGD([a], lr=0.1, momentum=0.9)
    step(first, a)
    b = a.detach().clone().requires_grad_()
    second = SGD([b], lr=0.5, momentum=0.0)
    second.load_state_dict(first.state_dict())
    assert second.param_groups[0]["lr"] == 0.1
    step(first, a)
    step(second, b)
    assert torch.equal(a, b)
    with pytest.raises(ValueError, match="load_state_dict: the groups have"):
        SGD([make(), make()], lr=0.1).load_state_dict(first.state_dict())


def test_closure_and_parameters_without_gradient():
    w, unused = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    optimizer = SGD([w, unused], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        assert optimizer.step(closure).item() == 1.0
    assert w.item() == pytest.approx(0.8) and unused.item() == 1.0


def test_bad_arguments():
    w = torch.ones(1, requires_grad=True)
    with pytest.raises(ValueError, match=r"SGD: lr is -1\.0; 0 or more is needed"):
        SGD([w], lr=-1.0)
    with pytest.raises(ValueError, match="params is empty"):
        SGD([], lr=0.1)
    with pytest.raises(TypeError, match="params is one Tensor"):
        SGD(w, lr=0.1)
    with pytest.raises(ValueError, match="only leaves can be trained"):
        SGD([w * 2], lr=0.1)
    with pytest.raises(ValueError, match="more than one group"):
        SGD([{"params": [w]}, {"params": [w]}], lr=0.1)
    with pytest.raises(TypeError, match="no order"):
        SGD([{"params": {w}}], lr=0.1)
    with pytest.raises(TypeError, match=r"params\[1\] is int"):
        SGD([w, 3], lr=0.1)
    with pytest.raises(ValueError, match="have names"):
        SGD([("w", w), torch.ones(1)], lr=0.1)
    with pytest.raises(ValueError, match="a matrix is needed"):
        Muon([w])
    with pytest.raises(ValueError, match="one element is needed"):
        Adam([w], lr=torch.ones(2))
    with pytest.raises(ValueError, match="capturable=True is needed"):
        Adam([w], lr=torch.tensor(0.1), foreach=True)


def test_a_step_is_noticed_by_a_graph_that_saved_the_parameter():
    w = torch.ones(2, requires_grad=True)
    loss = (w * w).sum()
    w.grad = torch.ones(2)
    SGD([w], lr=0.1).step()
    with pytest.raises(RuntimeError, match="that mul saved"):
        loss.backward()


def make(name, shapes=((2, 3), (2, 2)), dtype="float32", **options):
    if name == "Muon":
        pytest.importorskip("ml_dtypes")  # which has bfloat16
    rng = np.random.default_rng(0)
    params = [torch.tensor(rng.standard_normal(shape).astype(dtype)).requires_grad_() for shape in shapes]
    for p in params:
        p.grad = torch.tensor(rng.standard_normal(p.shape).astype(dtype))
    return params, getattr(torch.optim, name)(params, **options)


@pytest.mark.parametrize("name", OPTIONS)
def test_nothing_changes_if_a_parameter_cannot_be_written(name):
    params, optimizer = make(name)
    optimizer.step()
    params[1]._a.flags.writeable = False
    before = copy.deepcopy([[p.tolist() for p in params], optimizer.state_dict()])
    frozen = np.ones((2, 2), "f4")
    frozen.flags.writeable = False
    params.append(torch.from_numpy(frozen[:1]).requires_grad_())
    params[-1].grad = torch.ones(1, 2)
    optimizer.add_param_group({"params": [params[-1]]})
    with pytest.raises(RuntimeError, match="read-only"):
        optimizer.step()
    assert [p.tolist() for p in params[:2]] == before[0]
    assert params[-1] not in optimizer.state or name == "Adagrad"
    for i, held in before[1]["state"].items():
        for k, v in held.items():
            assert torch.equal(optimizer.state_dict()["state"][i][k], v)


def test_state_of_another_shape_is_refused():
    _params, optimizer = make("Adam")
    optimizer.step()
    state = optimizer.state_dict()
    other, second = make("Adam", shapes=((2, 3), (4,)))
    second.load_state_dict(state)
    before = [p.tolist() for p in other]
    with pytest.raises(RuntimeError, match=r"adam_: .*\[4\] and its gradient or state has float32\[2, 2\]"):
        second.step()
    assert [p.tolist() for p in other] == before


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_through_steps_are_those_of_differences(name):
    """torch has these too, as far as it can (`test_against_torch`)."""

    def trained(a, lr):
        p = a.clone()
        optimizer = getattr(torch.optim, name)([p], lr=lr, differentiable=True)
        for i in range(3):
            p.grad = (p - i) * torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64)
            optimizer.step()
        return p

    a = torch.tensor([0.3, -0.7, 1.1], dtype=torch.float64, requires_grad=True)
    lr = torch.tensor(0.07, dtype=torch.float64, requires_grad=True)
    constant = name in ("Rprop", "ASGD")  # which keep sizes in their state, as numbers
    inputs = (a, 0.07) if constant else (a, lr)
    options = {"momentum_is": None} if name == "SGD" else {}
    assert not options or trained(*inputs).requires_grad
    assert torch.autograd.gradcheck(trained, inputs, atol=1e-4)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_a_recorded_step_is_the_plain_one(name):
    for options in OPTIONS[name]:
        if options.get("fused") or options.get("foreach"):
            continue
        params, optimizer = make(name, dtype="float64", **options)
        others = [p.detach().clone().requires_grad_() for p in params]
        copies = [p.clone() for p in others]
        recorded = getattr(torch.optim, name)(copies, differentiable=True, **options)
        for _ in range(3):
            for p, c in zip(params, copies, strict=True):
                c.grad = p.grad
            optimizer.step()
            recorded.step()
        for p, c in zip(params, copies, strict=True):
            assert torch.allclose(p, c, rtol=1e-12, atol=0)
        assert all(c.requires_grad for c in copies)


def test_a_leaf_cannot_be_trained_by_recorded_steps():
    (p, *_), optimizer = make("Adam", differentiable=True)
    before = p.tolist()
    with pytest.raises(RuntimeError, match=r"adam_: .*leaf"):
        optimizer.step()
    assert p.tolist() == before and not optimizer.state


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_large_and_strided_parameters_are_updated_by_blocks(name):
    rng = np.random.default_rng(0)
    n = 150  # 150 x 150 float64 are several blocks
    values, grads = rng.standard_normal((2, n, n))
    ends = []
    for order in ("plain", "strided gradient", "strided", "rows"):
        p = torch.tensor(values).requires_grad_()
        if order == "strided":
            p = torch.tensor(values.T.copy()).mT.detach().requires_grad_()
        if order == "rows":
            rows = [torch.tensor(row).requires_grad_() for row in values]
            for row, g in zip(rows, grads, strict=True):
                row.grad = torch.tensor(g)
        p.grad = torch.tensor(grads.T.copy()).mT if order == "strided gradient" else torch.tensor(grads)
        optimizer = getattr(torch.optim, name)(rows if order == "rows" else [p])
        for _ in range(2):
            optimizer.step()
        ends.append(np.stack([r.detach().numpy() for r in rows]) if order == "rows" else p.detach().numpy())
    for end in ends[1:]:
        assert np.array_equal(end, ends[0])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_narrow_floats_round_each_operation_as_torch(name, dtype):
    reference = pytest.importorskip("torch")
    pytest.importorskip("ml_dtypes")
    ends = []
    for lib in (torch, reference):
        rng = np.random.default_rng(0)
        kind = getattr(lib, dtype)
        p = lib.tensor(rng.standard_normal((3, 4)).astype("f4")).to(kind).requires_grad_()
        optimizer = getattr(lib.optim, name)([p], lr=0.1)
        for _ in range(3):
            p.grad = lib.tensor(rng.standard_normal((3, 4)).astype("f4")).to(kind)
            optimizer.step()
        ends.append(p.detach().float().numpy())
    np.testing.assert_allclose(*ends, rtol=2e-2 if dtype == "bfloat16" else 2e-3, atol=2e-3)


def test_a_parameter_twice_in_a_group_is_updated_twice():
    w = torch.tensor(1.0, requires_grad=True)
    w.grad = torch.tensor(1.0)
    with pytest.warns(torch.TapegradWarning, match="twice in one group"):
        optimizer = Adam([w, w], lr=0.5)
    optimizer.step()
    assert w.item() == pytest.approx(0.0, abs=1e-6) and optimizer.state[w]["step"].item() == 2


def test_named_parameters_are_named_in_groups_and_state():
    model = nn.Linear(2, 1)
    optimizer = AdamW(model.named_parameters())
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    with pytest.raises(ValueError, match="all or none"):
        optimizer.add_param_group({"params": [torch.ones(1)]})
    assert len(optimizer.param_groups) == 1


def test_hooks_of_steps():
    (_w, _), optimizer = make("SGD", lr=0.1)
    said = []

    def closure():
        return "loss"

    first = optimizer.register_step_pre_hook(lambda o, args, kwargs: said.append(("pre", o, args, kwargs)))
    last = optimizer.register_step_post_hook(lambda o, args, kwargs: said.append("post"))
    every = register_optimizer_step_pre_hook(lambda o, args, kwargs: said.append("every"))
    after = register_optimizer_step_post_hook(lambda o, args, kwargs: said.append("after"))
    assert optimizer.step(closure) == "loss"
    assert said == ["every", ("pre", optimizer, (optimizer, closure), {}), "post", "after"]
    for handle in (first, last, every, after):
        handle.remove()
    optimizer.step()
    assert len(said) == 4
    with optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o,), {"closure": closure})):
        assert optimizer.step() == "loss"
    with (
        optimizer.register_step_pre_hook(lambda o, args, kwargs: 3),
        pytest.raises(RuntimeError, match="pre-hook returned 3"),
    ):
        optimizer.step()


def test_hooks_of_state_dicts():
    _, optimizer = make("Adam")
    said = []
    optimizer.register_state_dict_pre_hook(lambda o: said.append("b"))
    optimizer.register_state_dict_pre_hook(lambda o: said.append("a"), prepend=True)
    optimizer.register_state_dict_post_hook(lambda o, s: {**s, "more": 1})
    state = optimizer.state_dict()
    assert said == ["a", "b"] and state["more"] == 1
    optimizer.register_load_state_dict_pre_hook(lambda o, s: s["inner"])
    optimizer.register_load_state_dict_post_hook(lambda o: said.append("loaded"))
    optimizer.load_state_dict({"inner": state})
    assert said[-1] == "loaded"


def test_an_optimizer_of_ones_own():
    class Sign(Optimizer):
        def __init__(self, params, lr=0.1):
            super().__init__(params, {"lr": lr})

        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p.sub_(p.grad.sign() * group["lr"])

    w = torch.tensor([1.0, -1.0], requires_grad=True)
    w.grad = w.detach().clone()
    optimizer = Sign([w])
    said = []
    optimizer.register_step_post_hook(lambda *_: said.append(1))
    optimizer.step()
    assert w.tolist() == pytest.approx([0.9, -0.9]) and said == [1]
    with pytest.raises(NotImplementedError):
        Optimizer([w], {}).step()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_on_alone(copied):
    (w, _), optimizer = make("Adam")
    optimizer.step()
    other = copied(optimizer)
    p = other.param_groups[0]["params"][0]
    before = w.tolist()
    p.grad = torch.ones(2, 3)
    other.step()
    assert w.tolist() == before != p.tolist()
    assert other.state[p]["step"].item() == 2 and optimizer.state[w]["step"].item() == 1


def test_a_loaded_state_has_the_parameters_dtype_and_the_steps_own():
    (_w, _), optimizer = make("Adam")
    optimizer.step()
    _, wide = make("Adam", dtype="float64")
    wide.load_state_dict(optimizer.state_dict())
    held = wide.state[wide.param_groups[0]["params"][0]]
    assert held["exp_avg"].dtype is torch.float64 and held["step"].dtype is torch.float32
    old = optimizer.state_dict()
    for state in old["state"].values():
        state["step"] = 3  # before torch 1.12
    del old["param_groups"][0]["maximize"]
    wide.load_state_dict(old)
    assert wide.state[wide.param_groups[0]["params"][1]]["step"].item() == 3.0
    assert wide.param_groups[0]["maximize"] is False


def test_options_that_change_between_steps():
    (w, _), optimizer = make("RMSprop", lr=0.1)
    optimizer.step()
    optimizer.param_groups[0]["momentum"] = 0.9
    optimizer.step()
    assert "momentum_buffer" in optimizer.state[w]
    (v, _), sgd = make("SGD", lr=0.1)
    sgd.step()
    assert not sgd.state
    sgd.param_groups[0]["momentum"] = 0.9
    sgd.step()
    assert torch.equal(sgd.state[v]["momentum_buffer"], v.grad)


def test_zero_grad_keeps_or_fills():
    (w, _), optimizer = make("Adagrad")
    optimizer.zero_grad(set_to_none=False)
    assert torch.equal(w.grad, torch.zeros(2, 3))
    optimizer.zero_grad()
    assert w.grad is None
    assert isinstance(optimizer, Adagrad) and optimizer.step() is None and optimizer.state[w]["step"] == 0


def test_steps_leave_no_cycles():
    model = nn.Linear(3, 2)

    def train():
        for name in ("Adam", "SGD", "RMSprop"):
            optimizer = getattr(torch.optim, name)(model.parameters(), lr=torch.tensor(0.1))
            scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
            model(torch.ones(1, 3)).sum().backward()
            optimizer.step()
            scheduler.step()

    train()  # what is made on first use is made
    gc.collect()
    gc.disable()
    try:
        train()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_step_is_noticed_by_a_graph_that_saved_the_state():
    (w, _), optimizer = make("RMSprop")
    assert isinstance(optimizer, RMSprop)
    optimizer.step()
    a = torch.ones(2, 3, requires_grad=True)
    loss = (a * optimizer.state[w]["square_avg"]).sum()
    optimizer.step()
    with pytest.raises(RuntimeError, match="that mul saved"):
        loss.backward()


def test_other_parameters_and_another_state_for_a_while():
    (w, v), optimizer = make("Adam")
    optimizer.step()
    before = [w.tolist(), optimizer.state_dict()["state"][0]["step"].item()]
    others = {"a": torch.ones(2, 3, requires_grad=True), "b": torch.ones(2, 2, requires_grad=True)}
    state = copy.deepcopy(optimizer.state_dict())
    state["param_groups"][0]["lr"] = 0.5
    for p in others.values():
        p.grad = torch.ones(p.shape)
    with swapped(optimizer, others, state):
        optimizer.step()
    assert state["state"][0]["step"].item() == 2 and others["a"][0, 0].item() != 1.0
    assert [w.tolist(), optimizer.state_dict()["state"][0]["step"].item()] == before
    assert optimizer.param_groups[0]["params"][1] is v and optimizer.param_groups[0]["lr"] == 1e-3
    for bad, text in (
        ({"state": {}}, "no state or param_groups"),
        ({**state, "param_groups": []}, "0 groups"),
        ({**state, "state": {7: {}}}, r"state has \[7\]"),
        ({**state, "param_groups": [{"params": [0, 1]}]}, "only one of both"),
    ):
        with pytest.raises(RuntimeError, match=text), swapped(optimizer, others, bad):
            pass
    with pytest.raises(RuntimeError, match="1 parameters; 2 are needed"), swapped(optimizer, {"a": w}, state):
        pass

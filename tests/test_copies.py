"""copy.copy, copy.deepcopy and pickle of leaves, Parameters and Modules, as torch has them."""

import copy
import gc
import pickle
import weakref

import pytest

import tapegrad as torch
from tapegrad import nn
from tests.autograd.comparing import same


def reloaded(x):
    return pickle.loads(pickle.dumps(x))


WAYS = {"shallow": copy.copy, "deep": copy.deepcopy, "pickle": reloaded}
ALL = pytest.mark.parametrize("way", WAYS)
NEW = pytest.mark.parametrize("way", ["deep", "pickle"])


def leaf(torch):
    x = torch.arange(6.0).requires_grad_()
    (x * x).sum().backward()
    return x


def with_hook(torch):
    x = leaf(torch)
    x.register_hook(lambda g: g * 5)
    return x


def with_note(torch):
    x = leaf(torch)
    x.note = ["as it was"]
    return x


TENSORS = {
    "a leaf with a gradient": leaf,
    "a gradient without requires_grad": lambda t: leaf(t).requires_grad_(False),
    "a hook": with_hook,
    "an attribute": with_note,
    "computed": lambda t: leaf(t) * 2,
    "a view of a leaf": lambda t: leaf(t)[1:3],
    "a view": lambda t: t.arange(6.0)[1:3],
    "transposed": lambda t: t.arange(6.0).view(2, 3).t(),
    "three dimensions": lambda t: t.arange(24.0).view(2, 3, 4).permute(1, 0, 2).clone()[1:, 1:],
    "expanded": lambda t: t.ones(1, 3).expand(4, 3),
    "0-d": lambda t: t.tensor(2.0, requires_grad=True),
    "a 0-d result": lambda t: t.ones(2).sum(),
    "a 0-d view": lambda t: t.arange(3.0)[1],
    "empty": lambda t: t.ones(0, 3),
    "an end that is empty": lambda t: t.ones(4)[4:],
    "another dtype": lambda t: t.tensor([1, 0], dtype=t.uint8)[1:],
    "complex": lambda t: t.tensor([1 + 2j, 3j])[1:],
    "half": lambda t: t.arange(3.0).half(),
    "bool": lambda t: t.tensor([True, False]),
    "other bits": lambda t: t.arange(4.0).view(t.int32)[2:],
    "data": lambda t: leaf(t).data[2:],
    "a Parameter": lambda t: t.nn.Parameter(t.arange(4.0)),
    "a frozen Parameter": lambda t: t.nn.Parameter(t.arange(4.0)[1:], requires_grad=False),
}


@ALL
@pytest.mark.parametrize("what", TENSORS)
def test_one_tensor(what, way):
    def program(torch):
        x = TENSORS[what](torch)
        y = WAYS[way](x)
        known = (type(y).__name__, y.numel() and (y.stride(), y.storage_offset()), y.is_leaf)
        grad = None if y.grad is None else y.grad.clone()
        if y.requires_grad and y.is_leaf:
            (y * 3).sum().backward()
        return y, known, grad, y.grad, getattr(y, "note", None), y is x, x.is_leaf and x.grad

    same(program)


@pytest.mark.parametrize(
    "pick",
    [
        lambda x: (x, x[1:3]),
        lambda x: [x[1:3], x[2:4]],
        lambda x: (x.t() if x.dim() == 2 else x, x.detach()),
        lambda x: (x, x.data),
        lambda x: (x[2:], x.view(2, 3).t()),
        lambda x: (x.view(2, 1, 3).expand(2, 2, 3), x),
    ],
)
@NEW
def test_views_of_one_memory(pick, way):
    """They share the copy as well. torch's pickle, unlike torch.save, gives each view memory of its own."""

    def program(lib):
        x = lib.arange(6.0)
        a, b = WAYS[way if lib is torch else "deep"](pick(x))
        b += 10
        return a, b, x

    same(program)


@NEW
def test_a_copy_is_no_view_of_its_original(way):
    x = torch.arange(6.0)
    y = WAYS[way](x[1:])
    y.fill_(0)
    assert x.tolist() == [0, 1, 2, 3, 4, 5]


def test_writes_to_a_shallow_copy_count():
    x = torch.ones(3, requires_grad=True)
    h = x * 1
    y = h * h
    copy.copy(h.detach()).fill_(0)
    with pytest.raises(RuntimeError, match="in place"):
        y.sum().backward()


@NEW
def test_modules(way):
    def program(torch):
        a, b = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
        b.weight = a.weight
        with torch.no_grad():
            for p in (a.weight, a.bias, b.bias):
                p.copy_(torch.arange(float(p.numel())).view(p.shape))
        m = torch.nn.Sequential(a, torch.nn.ReLU(), b).eval()
        m(torch.ones(1, 2)).sum().backward()
        c = WAYS[way](m)
        tied = c[0].weight is c[2].weight, c[0].weight is m[0].weight, c.training
        gradients = [p.grad for p in c.parameters()]
        c(torch.ones(1, 2)).sum().backward()
        return tied, gradients, dict(c.named_parameters()), [p.grad for p in c.parameters()]

    same(program)


def test_what_was_pickled_is_as_fast_as_what_was_not():
    """Fast ways compare dtypes by identity."""
    for x in (
        torch.ones(2),
        torch.ones(4)[1:],
        torch.ones(2, 2).t(),
        torch.tensor(1.0),
        nn.Parameter(torch.ones(2)),
    ):
        y = reloaded(x)
        assert y._kind is y._a.dtype is x._kind


@NEW
def test_parameters_in_a_list(way):
    p = nn.Parameter(torch.ones(2))
    a, b = WAYS[way]([p, p])
    assert a is b and a is not p


def test_an_attribute_that_leads_back():
    x = torch.ones(2)
    x.me = [x]
    for f in (copy.deepcopy, reloaded):
        y = f(x)
        assert y.me[0] is y is not x


def test_a_computed_tensor_has_no_deep_copy():
    y = torch.ones(2, requires_grad=True) * 2
    for x in (y, [y], y[1:]):
        with pytest.raises(RuntimeError, match="only leaves"):
            copy.deepcopy(x)


def test_inside_a_transform():
    with pytest.raises(RuntimeError, match=r"pickle: .*inside a transform"):
        torch.func.vmap(lambda x: (pickle.dumps(x), x)[1])(torch.ones(2, 2))


@pytest.mark.parametrize("depth", [10_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
@NEW
def test_leaves_of_a_deep_graph(depth, way):
    """A copy takes nothing of the graph along, and leaves no cycle behind."""
    gc.disable()
    try:
        x = y = torch.ones(2, requires_grad=True)
        for _ in range(depth):
            y = y + 1
        y.sum().backward(retain_graph=True)
        z = WAYS[way](x)
        gone = [weakref.ref(t) for t in (x, y, z, z._a)]
        del x, y, z
        assert not any(r() is not None for r in gone)
    finally:
        gc.enable()

"""autograd.graph: the recorded graph as data."""

import numpy as np
import pytest

import tapegrad as torch
from tapegrad.autograd.graph import graph


def lecture():
    x = torch.tensor([3.0])
    w = torch.tensor([2.0], requires_grad=True)
    b = torch.tensor([1.0], requires_grad=True)
    u = w * x
    v = u + b
    a = torch.relu(v)
    return a, {"x": x, "w": w, "b": b, "u": u, "v": v, "a": a}


def by_name(g):
    return {v.name: v for v in g.vertices}


def test_the_lectures_example():
    a, names = lecture()
    found = by_name(graph(a, names=names))
    assert {k: float(v.value[0]) for k, v in found.items()} == {
        "x": 3,
        "w": 2,
        "b": 1,
        "u": 6,
        "v": 7,
        "a": 7,
    }
    assert {k: float(found[k].gradient[0]) for k in "wbuva"} == {"w": 3, "b": 1, "u": 1, "v": 1, "a": 1}
    assert [found[k].op for k in "uva"] == ["mul", "add", "relu"] and found["x"].kind == "constant"
    assert [v.name for v in found["u"].inputs] == ["w", "x"] and found["u"].locals == [3.0, None]
    assert found["u"].line.startswith("test_graph.py:") and found["u"].source == "u = w * x"


def test_names_of_the_caller():
    (a, names) = lecture()
    u = names["u"]
    assert graph(a).find(u).name == "u"


def test_values_and_derivatives_after_the_graph_was_freed():
    a, names = lecture()
    a.backward()
    found = by_name(graph(a, names=names))
    assert found["w"].gradient.tolist() == [3.0] and found["u"].locals == [3.0, None]
    assert names["w"].grad.tolist() == [3.0], "looking changes nothing"


def test_looking_frees_nothing_and_runs_no_hook():
    a, names = lecture()
    names["v"].register_hook(lambda g: pytest.fail("a hook ran"))
    graph(a, names=names)
    names["v"]._node.rare.hooks.clear()
    a.backward()
    assert names["w"].grad.tolist() == [3.0]


def test_an_overwritten_value_is_marked_and_not_used():
    x = torch.tensor([2.0], requires_grad=True)
    y = x * 3
    z = y * y
    y.zero_()
    found = by_name(graph(z, names={"x": x, "z": z}))
    assert found["z"].locals == [None, None] and found["x"].gradient is None


def test_large_tensors_have_shapes_and_gradients_but_no_values():
    x = torch.ones(100, requires_grad=True)
    y = (x * 2).sum()
    found = {v.op or v.name: v for v in graph(y, names={"x": x}).vertices}
    assert (
        found["mul"].value is None
        and found["mul"].shape == (100,)
        and found["x"].gradient.tolist() == [2.0] * 100
    )


def test_several_outputs_are_one_step():
    x = torch.ones(3, requires_grad=True)
    p, q, r = x * 2
    s = p * q + r
    g = graph(s, names={"x": x, "p": p, "q": q, "r": r, "s": s})
    found = by_name(g)
    assert found["p"].inputs[0].op == "mul" and found["x"].gradient.tolist() == [4.0, 4.0, 2.0]


def test_modules_group_their_operations():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    g = graph(model(torch.ones(5, 2)).mean())
    found = by_name(g)
    assert found["0.weight"].module == ("0",)
    assert [v.module for v in g.vertices if v.op == "linear"] == [("0",), ("2",)]


def test_what_is_no_graph():
    with pytest.raises(TypeError, match="graph: float is given"):
        graph(1.0)
    with pytest.raises(RuntimeError, match=r"graph: this Tensor\[2\] has no graph"):
        graph(torch.ones(2))


def test_gradients_equal_backward_on_a_network():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    loss = torch.nn.functional.cross_entropy(model(torch.randn(6, 4)), torch.tensor([0, 1, 1, 0, 1, 0]))
    found = by_name(graph(loss))
    loss.backward()
    for name, p in model.named_parameters():
        assert np.array_equal(found[name].gradient, p.grad.numpy()), name

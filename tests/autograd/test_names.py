"""Errors name tensors as the user does: by variable, parameter, attribute or list entry."""

import copy
import gc
import re
import weakref

import pytest

import tapegrad as torch
import tapegrad.nn.functional as F
from tapegrad import naming, nn
from tapegrad.autograd import grad


def raises(text, kind=RuntimeError):
    return pytest.raises(kind, match=re.escape(text))


def test_variables_arguments_and_globals():
    def product(left, right):
        return left @ right

    x, y = torch.ones(3, 4), torch.ones(2, 4)
    with raises("matmul: input (`left`) is [3, 4] and other (`right`) is [2, 4]; input's last size (4)"):
        product(x, y)
    with raises("add: input (`x`) is [3, 4] and other is [3]; dimension -1 has 4 and 3"):
        x + torch.ones(3)
    assert naming.name_of(WEIGHT) == "WEIGHT"


WEIGHT = torch.ones(2, requires_grad=True)


def test_parameters_attributes_and_entries():
    class Trainer:
        def __init__(self):
            self.net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
            self.scale = torch.ones(2)

        def run(self, x):
            return self.net(x)

    model, rows = nn.Linear(2, 3), [torch.ones(2), torch.ones(3)]
    assert naming.name_of(model.bias) == "model.bias"
    assert naming.name_of(rows[1]) == "rows[1]"
    trainer = Trainer()
    assert naming.name_of(trainer.scale) == "trainer.scale"
    assert naming.name_of(trainer.net[1].weight) == "trainer.net.1.weight"
    with raises("linear: input (`x`) is [5, 7] and weight (`self.net.0.weight`) is [3, 2]"):
        trainer.run(torch.ones(5, 7))
    with (
        raises("mse_loss: input (`rows[0]`) is [2] and target (`rows[1]`) is [3]"),
        pytest.warns(UserWarning),
    ):
        F.mse_loss(rows[0], rows[1])


def test_a_node_and_an_array_have_names_too():
    x = torch.ones(4, requires_grad=True)
    y = x * 2
    part = y[:2]
    assert naming.name_of(y._node) == "y"
    assert naming.name_of(y._a) == "y"
    assert naming.name_of(part._a.base[1:]) == "y"  # which shows the same memory
    assert naming.name_of(None) == naming.name_of(torch.ones(1)) == ""


def test_outer_frames_are_asked_too_but_not_pythons_own():
    outside = torch.ones(2, requires_grad=True) * 2
    with raises("deepcopy: `outside`, a Tensor[2], was computed"):
        copy.deepcopy(outside)

    def innermost(make):
        return naming.name_of(make())

    assert innermost(lambda: outside) == "outside"


def test_engine_errors_name_roots_and_inputs():
    x, w = torch.ones(3), torch.ones(3, requires_grad=True)
    with raises("backward: `x`, a float32[3] tensor, does not require grad"):
        x.backward()
    with raises("grad: inputs[1] (`x`), a float32[3] tensor, does not require grad"):
        grad((w * x).sum(), [w, x])
    y = w * 2
    with raises("backward: `y`, a [3] tensor, is not a scalar; pass gradient= of that shape, or reduce"):
        y.backward()
    with raises("backward: gradient is [2] and the tensor (`y`) [3]"):
        y.backward(torch.ones(2))
    with raises("register_hook: `x`, a float32[3] tensor, does not require grad"):
        x.register_hook(print)


def test_without_a_name_the_message_is_as_before():
    with raises("backward: this float32[] tensor does not require grad"):
        torch.ones(2).sum().backward()


def test_a_class_that_answers_anything_does_not_disturb_the_message():
    class Odd:
        def __getattr__(self, name):
            raise ValueError(name)

    class Worse(nn.Module):
        def named_parameters(self, *args, **kwargs):
            raise ValueError("not now")

    odd, worse, x = Odd(), Worse(), torch.ones(2)
    with raises("backward: this float32[2] tensor does not require grad"):
        x.backward()
    del odd, worse
    with raises("backward: `x`, a float32[2] tensor, does not require grad"):
        x.backward()


def test_looking_for_a_name_keeps_nothing_alive():
    x = torch.ones(2)
    with raises("`x`"):
        x.backward()
    gone = weakref.ref(x)
    gc.disable()
    try:
        del x
        assert gone() is None
    finally:
        gc.enable()

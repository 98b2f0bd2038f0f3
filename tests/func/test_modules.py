"""Modules as functions, against torch.func."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tapegrad as torch
from tests.func.against import compare, vector


def tied(t: Any) -> Any:
    class Tied(t.nn.Module):  # type: ignore[name-defined, misc] # of either library
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = t.nn.Linear(3, 3), t.nn.Linear(3, 3)
            self.b.weight = self.a.weight
            self.register_buffer("n", t.ones(3))

        def forward(self, x: Any, k: float = 1.0) -> Any:
            self.n = self.n + 1
            return self.b(self.a(x)) * k + self.n

    return Tied()


GIVEN: dict[str, Callable[[Any], Any]] = {
    "one name": lambda t: {"a.weight": t.eye(3)},
    "the other name": lambda t: {"b.weight": t.eye(3)},
    "both, the same": lambda t: dict.fromkeys(["a.weight", "b.weight"], t.eye(3)),
    "both, different": lambda t: {"a.weight": t.eye(3), "b.weight": t.ones(3, 3)},
    "all": lambda t: {"a.weight": t.eye(3), "a.bias": t.ones(3), "b.bias": t.ones(3), "n": t.ones(3)},
    "unknown": lambda t: {"foo": t.ones(3)},
    "in no module": lambda t: {"c.bias": t.ones(3)},
    "no tensor": lambda t: {"a.bias": 3.0},
    "two": lambda t: ({"a.weight": t.eye(3)}, {"n": t.ones(3)}),
    "twice": lambda t: ({"n": t.ones(3)}, {"n": t.ones(3)}),
    "no dict": lambda t: 3,
    "no dicts": lambda t: (3,),
}


@pytest.mark.parametrize("kwargs", [{}, {"strict": True}, {"tie_weights": False}], ids=repr)
@pytest.mark.parametrize("given", list(GIVEN))
def test_functional_call(given, kwargs):
    def program(t):
        m, tensors = tied(t), GIVEN[given](t)
        y = t.func.functional_call(m, tensors, (vector(t),), {"k": 2.0}, **kwargs)
        return y, tensors, m.n

    compare(program)


def test_stacks_need_one_kind_of_parameters():
    def program(t):
        frozen = t.nn.Linear(1, 1).requires_grad_(False)
        return t.func.stack_module_state([t.nn.Linear(1, 1), frozen])

    compare(program)


def test_batch_norms_forget_their_statistics() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    x = torch.randn(4, 5, 3)
    with pytest.raises(RuntimeError):
        torch.func.vmap(model)(x)
    model[1].train()
    assert torch.func.replace_all_batch_norm_modules_(model) is model
    assert model[1].running_mean is None and not model[1].track_running_stats
    expected = torch.stack([model(entry) for entry in x])
    torch.testing.assert_close(torch.func.vmap(model)(x), expected)


def test_functional_call_is_also_where_it_was() -> None:
    from tapegrad.nn.utils.stateless import functional_call

    model = torch.nn.Linear(2, 1)
    given = {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}
    assert functional_call(model, given, torch.tensor([1.0, 2.0])).tolist() == [3]

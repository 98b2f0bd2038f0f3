"""Modules as functions, against torch.func."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

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

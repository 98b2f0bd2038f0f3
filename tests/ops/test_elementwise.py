"""What samples do not reach: docstrings, out=, functions of Python values, and which numbers ops take."""

import inspect
from typing import Any

import pytest

import tapegrad as torch
from tapegrad.public import FUNCTIONS, METHODS


@pytest.mark.parametrize("space", FUNCTIONS)
def test_every_function_has_a_docstring(space: str) -> None:
    assert [name for name, f in FUNCTIONS[space].items() if not inspect.getdoc(f)] == []


def test_every_method_has_a_docstring() -> None:
    assert [name for name, f in METHODS.items() if not inspect.getdoc(f)] == []


def test_a_derived_docstring_says_what_and_the_derivative() -> None:
    text = inspect.getdoc(torch.exp) or ""
    assert text.startswith("exp(a), element by element.")
    assert "Gradient of a: g * y" in text
    assert (
        str(inspect.signature(torch.exp)) == "(input: 'Tensor', *, out: 'Tensor | None' = None) -> 'Tensor'"
    )
    assert "Gradient of b: g * a" in (inspect.getdoc(torch.mul) or "")
    assert "no gradient" in (inspect.getdoc(torch.eq) or "")


OUTS: list[tuple[str, tuple[Any, ...]]] = [
    ("acos", (0.5,)),
    ("erf", (0.5,)),
    ("logit", (0.5,)),
    ("atan2", (0.5, 0.25)),
    ("xlogy", (0.5, 0.25)),
    ("clamp_min", (0.5, 0.75)),
    ("lerp", (0.5, 1.0, 0.25)),
    ("addcmul", (0.5, 1.0, 0.25)),
    ("nan_to_num", (0.5,)),
    ("float_power", (0.5, 2.0)),
]


@pytest.mark.parametrize(("name", "values"), OUTS)
def test_out(name: str, values: tuple[float, ...]) -> None:
    f = getattr(torch, name)
    tensors = [torch.tensor([v, v], dtype=torch.float64) for v in values]
    out = torch.empty(2, dtype=torch.float64)
    assert f(*tensors, out=out) is out
    assert out.tolist() == f(*tensors).tolist()
    with pytest.raises(RuntimeError, match="int64"):
        f(*tensors, out=torch.empty(2, dtype=torch.int64))


@pytest.mark.parametrize("name", ["signbit", "isposinf", "isneginf"])
def test_out_of_questions_is_bool(name: str) -> None:
    with pytest.raises(RuntimeError, match="bool"):
        getattr(torch, name)(torch.ones(2), out=torch.empty(2))


def test_frexp_out() -> None:
    m, e = torch.empty(0), torch.empty(0, dtype=torch.int32)
    found = torch.frexp(torch.tensor([3.0, -0.5]), out=(m, e))
    assert found.mantissa is m and m.tolist() == [0.75, -0.5] and e.tolist() == [2, 0]
    assert repr(found).startswith("torch.return_types.frexp(\nmantissa=tensor([ 0.7500, -0.5000])")


def test_functions_of_elements() -> None:
    x = torch.tensor([1, 2, 3])
    assert x.apply_(lambda v: v * 2.5) is x and x.tolist() == [2, 5, 7]
    assert x.map_(torch.tensor(10), lambda a, b: a + b).tolist() == [12, 15, 17]
    assert x.map2_(torch.tensor([1, 2, 3]), torch.tensor([2]), lambda a, b, c: a - b * c).tolist() == [
        10,
        11,
        11,
    ]


@pytest.mark.parametrize(
    ("write", "error", "match"),
    [
        (lambda x: x.apply_(lambda v: "x"), TypeError, "str"),
        (lambda x: x.apply_(lambda v: 1 / 0), ZeroDivisionError, "zero"),
        (lambda x: x.map_(torch.ones(2), lambda a, b: a), TypeError, "map_: a tensor is torch.float32"),
        (lambda x: x.map_(2, lambda a, b: a), TypeError, "map_: other is int"),
        (lambda x: x.map_(torch.tensor([1, 2, 3]), lambda a, b: a), RuntimeError, "copy_"),
    ],
)
def test_functions_of_elements_that_fail(write: Any, error: type[Exception], match: str) -> None:
    x = torch.tensor([1, 2])
    with pytest.raises(error, match=match):
        write(x)
    assert x.tolist() == [1, 2]


def test_functions_of_elements_refuse_graphs() -> None:
    w = torch.ones(2, requires_grad=True)
    for x, y in ((w, torch.ones(2)), (w * 1, torch.ones(2)), (torch.ones(2), w)):
        with pytest.raises(RuntimeError):
            x.map_(y, lambda a, b: a + b)


def test_random_slopes_of_rrelu_lie_between_and_stay_for_the_backward() -> None:
    x = torch.linspace(-2, 2, 101, requires_grad=True)
    y = torch.rrelu(x, 0.2, 0.4, training=True)
    slopes = (y / x).detach()
    assert ((slopes == 1) == (x > 0))[x != 0].all()
    below = slopes[x < 0]
    assert (below >= 0.2).all() and (below < 0.4).all() and len(set(below.tolist())) > 40
    y.sum().backward()
    assert torch.allclose(x.grad[x < 0], below)


def test_shifts_with_numbers_on_the_left() -> None:
    n = torch.tensor([1, 2])
    assert (1 << n).tolist() == [2, 4] and (8 >> n).tolist() == [4, 2]
    n <<= 3
    assert n.tolist() == [8, 16]

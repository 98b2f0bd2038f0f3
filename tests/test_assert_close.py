"""assert_close says of all that torch's says it of, whether it is close."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tapegrad
from tapegrad import _errors
from tapegrad.testing import assert_close

NAN = float("nan")


def cases(lib: Any) -> list[tuple[Any, Any, dict[str, Any]]]:
    """Pairs and how they are compared."""

    def t(*values: Any, **facts: Any) -> Any:
        return lib.tensor(list(values), **facts)

    return [
        (t(1.0, 2.0), t(1.0, 2.0), {}),
        (t(1.0, 2.0), t(1.0, 2.000001), {}),
        (t(1.0, 2.0), t(1.0, 2.0001), {}),
        (t(1.0, 2.0), t(1.0, 2.0001), {"rtol": 1e-3, "atol": 0.0}),
        (t(1.0, 2.0), t(1.0, 2.0001), {"rtol": 1e-3}),
        (t(1.0), t(1.0).double(), {}),
        (t(1.0), t(1.0).double(), {"check_dtype": False}),
        (t(1.0), t(1), {"check_dtype": False}),
        (t(1.0), t(1.0).half(), {"check_dtype": False}),
        (t(1.0).half(), t(1.0009).half(), {}),
        (t(1.0), t([1.0]), {}),
        (t(1, 2), t(1, 3), {}),
        (t(True), t(False), {}),
        (t(1 + 1j), t(1 + 1.1j), {}),
        (t(NAN), t(NAN), {}),
        (t(NAN), t(NAN), {"equal_nan": True}),
        (t(float("inf"), 1.0), t(float("inf"), 1.0), {}),
        (t(float("inf")), t(1.0), {}),
        (lib.ones(0), lib.ones(0), {}),
        (lib.ones(2, 3).t(), lib.ones(3, 2), {}),
        (lib.ones(2, 3).t(), lib.ones(3, 2), {"check_stride": True}),
        (1.0, 1.0 + 1e-9, {}),
        (1.0, 1.1, {}),
        (1, 1.0, {}),
        (1, 1.0, {"check_dtype": False}),
        (True, False, {}),
        (None, None, {}),
        (None, 1, {}),
        ("a", "a", {}),
        (t(1.0), 1.0, {}),
        (t(1.0), [1.0], {}),
        (np.ones(2), np.ones(2), {}),
        (np.ones(2), np.zeros(2), {}),
        ([t(1.0), (1, 2)], (t(1.0), [1, 2]), {}),
        ([t(1.0), {"a": 1}], [t(1.0), {"a": 2}], {}),
        ([1], [1, 2], {}),
        ({"a": 1}, {"b": 1}, {}),
    ]


def verdict(function: Any, case: tuple[Any, Any, dict[str, Any]]) -> type | None:
    """The class of the exception, or None."""
    actual, expected, how = case
    try:
        function(actual, expected, **how)
    except (AssertionError, TypeError, ValueError) as e:
        return type(e)
    return None


@pytest.mark.parametrize("i", range(len(cases(tapegrad))))
def test_as_torch(i: int) -> None:
    torch = pytest.importorskip("torch")
    assert verdict(assert_close, cases(tapegrad)[i]) is verdict(torch.testing.assert_close, cases(torch)[i])


def test_it_says_where_and_how_much() -> None:
    a, b = tapegrad.tensor([[1.0, 2.0], [3.0, 4.0]]), tapegrad.tensor([[1.0, 2.0], [3.0, 5.0]])
    with pytest.raises(AssertionError) as e:
        assert_close({"w": [a]}, {"w": [b]})
    lines = str(e.value).splitlines()
    assert lines[0] == "assert_close['w'][0]: 1 of 4 elements (25.0%) are not close."
    assert lines[1] == "The greatest absolute difference is 1.0 at (1, 1); up to 1e-05 is allowed."
    with pytest.raises(AssertionError, match=r"^mine$"):
        assert_close(a, b, msg="mine")
    with pytest.raises(AssertionError, match=r"^mine: assert_close: "):
        assert_close(a, b, msg=lambda text: f"mine: {text}")


def test_tensors_that_require_grad() -> None:
    x = tapegrad.ones(3, requires_grad=True)
    assert_close(x * 2, tapegrad.full((3,), 2.0))


def test_allclose_is_more_lenient_and_says_that_it_is_old(monkeypatch):
    monkeypatch.setattr(_errors, "_said", set())
    a, b = tapegrad.tensor([1.0, NAN]), [1.00005, NAN]
    with pytest.warns(tapegrad.TapegradWarning, match="torch has given it up"):
        tapegrad.testing.assert_allclose(a, b)
    tapegrad.testing.assert_allclose(a.double(), a)
    with pytest.raises(AssertionError, match="assert_close"):
        tapegrad.testing.assert_allclose(a, [1.001, NAN])
    with pytest.raises(AssertionError, match="mine"):
        tapegrad.testing.assert_allclose(1.0, 2.0, rtol=0, atol=0, msg="mine")

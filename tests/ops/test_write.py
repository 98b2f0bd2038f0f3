"""Writing over all of a tensor: fill_, zero_, copy_ and x[:] = y, with torch's node names and gradients."""

from typing import Any

import numpy as np
import pytest

import tapegrad as torch
from tapegrad.testing.samples import ROWS, Array

ALL, ZERO = slice(None), 0.0
COPY, CUT, FILL = "CopyBackwards", "CopySlices", "FillBackward3"


@pytest.mark.parametrize(
    ("at", "value", "title", "left"),
    [
        (ALL, ZERO, FILL, [0, 0, 0]),
        (..., ZERO, FILL, [0, 0, 0]),
        ((), ZERO, FILL, [0, 0, 0]),
        (slice(0, 3), ZERO, FILL, [0, 0, 0]),
        (slice(0, 9), ZERO, FILL, [0, 0, 0]),
        (slice(None, None, 1), ZERO, FILL, [0, 0, 0]),
        (ALL, torch.ones(3), COPY, [0, 0, 0]),
        (..., torch.ones(3), COPY, [0, 0, 0]),
        (ALL, torch.ones(1), COPY, [0, 0, 0]),
        (slice(-3, None), ZERO, CUT, [0, 0, 0]),
        (slice(0, 2), ZERO, CUT, [0, 0, 2]),
        (slice(None, None, 2), ZERO, CUT, [0, 2, 0]),
        (0, ZERO, CUT, [0, 2, 2]),
        (None, ZERO, CUT, [0, 0, 0]),
        (True, ZERO, CUT, [0, 0, 0]),
        (torch.tensor([True, False, True]), ZERO, "IndexPutBackward0", [0, 2, 0]),
    ],
    ids=str,
)
def test_setitem(at: Any, value: Any, title: str, left: list[float]) -> None:
    w = torch.ones(3, requires_grad=True)
    z = w * 2
    z[at] = value
    assert z.grad_fn.name() == title
    z.sum().backward()
    assert w.grad.tolist() == left


@pytest.mark.parametrize("at", [(ALL, ALL), ALL, (..., ALL), (ALL, ...), (slice(0, 2), slice(0, 3))], ids=str)
def test_setitem_of_a_whole_matrix(at: Any) -> None:
    z = torch.ones(2, 3, requires_grad=True) * 2
    z[at] = torch.arange(3.0)
    assert z.grad_fn.name() == COPY
    assert z.tolist() == [[0, 1, 2]] * 2
    z[at] = 5
    assert z.grad_fn.name() == FILL
    assert z.tolist() == [[5, 5, 5]] * 2


@pytest.mark.parametrize(
    "write", [lambda z, k: z.fill_(k), lambda z, k: z.__setitem__(ALL, k)], ids=["fill_", "[:]"]
)
def test_a_0d_tensor_gets_the_sum_of_the_gradients(write: Any) -> None:
    w, k = torch.ones(3, requires_grad=True), torch.tensor(5.0, requires_grad=True)
    z = w * 2
    write(z, k)
    assert z.grad_fn.name() == FILL
    (z * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert k.grad.item() == 6
    assert w.grad.tolist() == [0, 0, 0]


def test_fill_and_zero() -> None:
    z = torch.ones(3, requires_grad=True) * 2
    assert z.fill_(7).grad_fn.name() == "FillBackward2"
    assert z.zero_().grad_fn.name() == "ZeroBackward0"
    assert torch.ones(2, dtype=torch.int).fill_(torch.tensor(2.7)).tolist() == [2, 2]
    with pytest.raises(
        RuntimeError, match=r"^fill_: value is \[1\]; a 0-d tensor is needed. Use copy_\(\)\.$"
    ):
        z.fill_(torch.ones(1))


def test_operators_in_place_name_their_op_in_errors() -> None:
    w = torch.ones(3, requires_grad=True)
    with pytest.raises(
        RuntimeError, match=r"^sub_: `w`, a leaf Tensor\[3\] that requires grad, .* no_grad\(\)\.$"
    ):
        w -= 1


def test_size_by_name() -> None:
    assert torch.zeros(size=(2, 3)).shape == (2, 3)
    assert [f(size=()).shape for f in (torch.rand, torch.randn, torch.ones, torch.empty)] == [()] * 4
    for wrong in (lambda: torch.zeros(2, size=(2,)), lambda: torch.ones(size=2)):
        with pytest.raises(TypeError, match="one tuple of integers is needed"):
            wrong()


@pytest.mark.parametrize("value", [300, 256, -256, float("nan"), float("inf"), 1e20])
def test_what_a_dtype_cannot_hold_is_not_stored(value: float) -> None:
    x = torch.ones(3, dtype=torch.uint8)
    for write in (x.fill_, lambda v: x.__setitem__(0, v), lambda v: x.__setitem__(torch.tensor([0]), v)):
        with pytest.raises(RuntimeError, match=r"does not fit torch\.uint8, which goes to 255"):
            write(value)
    assert x.tolist() == [1, 1, 1]
    for make in (
        lambda: torch.full((2,), value, dtype=torch.uint8),
        lambda: torch.full_like(x, value),
        lambda: torch.tensor(value, dtype=torch.uint8),
        lambda: torch.tensor([1, value], dtype=torch.uint8),
    ):
        with pytest.raises(RuntimeError, match=r"does not fit torch\.uint8"):
            make()


def test_unsigned_dtypes_wrap_negative_numbers_and_floats_overflow_only_in_tensor() -> None:
    assert torch.tensor([-1], dtype=torch.uint8).item() == torch.full((), -1, dtype=torch.uint8).item() == 255
    assert torch.tensor(1e39).item() == torch.tensor([1e39]).item() == float("inf")
    with pytest.raises(RuntimeError, match="does not fit"):
        torch.zeros(2).fill_(1e39)


def test_where_as_a_method_keeps_this_tensor_where_the_condition_holds() -> None:
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    y = x.where(x > 0, 7.0)
    y.sum().backward()
    assert y.tolist() == [1, 7] and x.grad.tolist() == [1, 0] and y.grad_fn.name() == "WhereBackward0"


def is_array(c: Any) -> bool:
    return bool(c.args) and isinstance(c.args[0], Array)


UNARY = [
    name
    for name, row in ROWS.items()
    if row.inplace
    and row.method
    and any(len(c.args) == 1 and not c.kwargs and c.args[0].is_float for c in row.samples)
    and all(len(c.args) > 1 or c.args[0].shape != (3,) for c in row.errors if is_array(c))  # of vectors, too
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", UNARY)
def test_in_place_equals_out_of_place_whatever_lies_between(name: str, dtype: Any) -> None:
    for step in range(1, 10):
        for n in (1, 2, 5, 17):
            whole = torch.arange(1, 1 + step * n, dtype=dtype) / 7
            part = whole[::step]
            expected, around = getattr(part, name)(), whole.clone()
            getattr(part, f"{name}_")()
            assert np.array_equal(part.numpy(), expected.numpy(), equal_nan=True), (step, n)
            around[::step] = part
            assert np.array_equal(whole.numpy(), around.numpy(), equal_nan=True), (step, n)

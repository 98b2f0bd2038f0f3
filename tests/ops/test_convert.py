"""Conversions: which tensor comes back, and what is no tensor."""

import pytest

import tapegrad as torch


def test_to_copies_when_asked_by_place_or_by_name():
    x = torch.ones(3, dtype=torch.float64)
    for y in (
        x.to(torch.float64),
        x.to(torch.float64, True),
        x.to(torch.float64, True, False),
        x.to("cpu", torch.float64),
    ):
        assert y is x
    for y in (
        x.to(torch.float64, False, True),
        x.to("cpu", torch.float64, False, True),
        x.to(torch.float64, copy=True),
    ):
        assert y is not x and y.dtype is x.dtype
        y.zero_()
    assert x.tolist() == [1, 1, 1]


@pytest.mark.parametrize("f", [torch.numel, torch.is_floating_point])
@pytest.mark.parametrize("x", [2, 2.5, None, [1.0]])
def test_what_is_no_tensor_is_refused(f, x):
    with pytest.raises(TypeError, match=f"{f.__name__}: input is"):
        f(x)


def test_integer_sums_of_what_requires_grad_are_refused():
    x = torch.ones(3, requires_grad=True)
    for f in (torch.sum, torch.prod):
        with pytest.raises(RuntimeError, match=r"requires grad and dtype is torch\.int32"):
            f(x, dtype=torch.int32)
        with torch.no_grad():
            assert f(x, dtype=torch.int32).dtype is torch.int32

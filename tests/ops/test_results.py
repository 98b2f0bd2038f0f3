"""Results of several tensors: their names, their text, `out=`; and what has no derivative."""

from __future__ import annotations

import copy
import pickle

import pytest

import tapegrad as torch
from tests.ops.comparing import array

# How each function is called, behind a matrix.
CALLS = {
    **dict.fromkeys(("max", "min", "cummax", "cummin", "median", "nanmedian", "mode", "sort"), (1,)),
    **dict.fromkeys(("topk", "kthvalue", "histogram", "histogramdd"), (2,)),
    "aminmax": (),
}


def result_of(lib, name):
    x = lib.tensor([[1.0, 4.0, 2.0], [3.0, 0.0, 5.0]])
    return getattr(lib, name)(x, *CALLS[name])


@pytest.mark.parametrize("name", CALLS)
def test_they_read_as_torch_prints_them(name):
    lib = pytest.importorskip("torch")
    ours, theirs = result_of(torch, name), result_of(lib, name)
    assert repr(ours) == repr(theirs)
    assert type(ours) is getattr(torch.return_types, name)


@pytest.mark.parametrize("name", CALLS)
def test_they_are_tuples_that_can_be_copied_and_pickled(name):
    result = result_of(torch, name)
    first, second = result
    assert result[0] is first and result[1] is second
    assert repr(copy.deepcopy(result)) == repr(pickle.loads(pickle.dumps(result))) == repr(result)


def test_out_is_a_pair():
    x = torch.tensor([3.0, 1.0, 2.0])
    values, indices = torch.empty(3), torch.empty(3, dtype=torch.int64)
    result = torch.sort(x, out=(values, indices))
    assert result.values is values and result.indices is indices
    assert values.tolist() == [1.0, 2.0, 3.0] and indices.tolist() == [1, 2, 0]
    with pytest.raises(TypeError, match=r"^sort: out is "):
        torch.sort(x, out=values)
    with pytest.raises(RuntimeError, match=r"out is torch\.float32"):
        torch.sort(x, out=(values, torch.empty(3)))


@pytest.mark.parametrize("name", ["unique", "unique_consecutive"])
def test_distinct_elements_have_no_derivative(name):
    x = torch.tensor([1.0, 2.0, 2.0], requires_grad=True)
    y = getattr(torch, name)(x)
    assert y.requires_grad
    with pytest.raises(NotImplementedError, match=f"^{name} backward: "):
        y.sum().backward()
    assert x.grad is None


@pytest.mark.parametrize("name", ["cumsum_", "cumprod_"])
def test_a_refused_running_total_changes_nothing(name):
    for x, kwargs in ((torch.ones(3), {"dtype": torch.float64}), (torch.ones(3, dtype=torch.bool), {})):
        before = array(x).copy()
        with pytest.raises((RuntimeError, NotImplementedError), match=f"^{name}: "):
            getattr(x, name)(0, **kwargs)
        assert (array(x) == before).all()


def test_the_gradient_of_cumprod_passes_zeros_at_any_place():
    x = torch.tensor([2.0, 0.0, 3.0, 0.0, 4.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: x.cumprod(0), (x,))
    assert torch.autograd.gradgradcheck(lambda x: x.cumprod(0), (x,))


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("histogram", lambda x: torch.histogram(x, 3).hist),
        ("histogram", lambda x: torch.histogram(x, 3).bin_edges),
        ("histogram", lambda x: torch.histogram(torch.ones(3), 3, weight=x).hist),
        ("histogram", lambda x: torch.histogram(torch.ones(4), x).bin_edges),
        ("histogramdd", lambda x: torch.histogramdd(x.reshape(3, 1), [2]).hist),
        ("histogramdd", lambda x: torch.histogramdd(x.reshape(3, 1), [2]).bin_edges[0]),
        ("bincount", lambda x: torch.bincount(torch.tensor([0, 1, 1]), x)),
    ],
)
def test_what_is_counted_has_no_derivative(name, call):
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = call(x)
    assert y.requires_grad and y.grad_fn.name() == "NotImplemented"
    with pytest.raises(RuntimeError, match=f"^{name} backward: "):
        y.sum().backward()
    assert x.grad is None and not call(x.detach()).requires_grad


def test_edges_that_are_given_to_histogramdd_come_back_themselves_and_to_histogram_as_a_copy():
    edges = torch.tensor([0.0, 1.0, 2.0], requires_grad=True)
    assert torch.histogramdd(torch.rand(4, 1), [edges]).bin_edges[0] is edges
    copied = torch.histogram(torch.rand(4), edges.detach()).bin_edges
    copied[0] = -1.0
    assert edges[0].item() == 0.0


def test_an_integral_over_no_points_is_zero_and_depends_on_nothing():
    y = torch.zeros(2, 0, requires_grad=True)
    for found in (torch.trapezoid(y), torch.trapezoid(y, torch.zeros(2, 0))):
        assert found.tolist() == [0.0, 0.0] and not found.requires_grad


@pytest.mark.parametrize("name", ["complex", "polar"])
def test_two_parts_of_a_complex_number_must_broadcast(name):
    with pytest.raises(RuntimeError, match=rf"^{name}: .*\[4\].*\[3\].*must broadcast"):
        getattr(torch, name)(torch.zeros(4), torch.zeros(3))


def test_a_spacing_that_requires_grad_is_no_number():
    with pytest.raises(TypeError, match=r"^gradient: spacing "):
        torch.gradient(torch.arange(3.0), spacing=torch.tensor(1.0, requires_grad=True))


def test_at_an_infinite_rate_the_count_is_infinite():
    assert torch.poisson(torch.tensor([torch.inf])).item() == torch.inf

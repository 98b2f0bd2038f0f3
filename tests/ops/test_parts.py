"""Tensors cut into many views: their places, their memory, their gradients."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tapegrad as torch

LAYOUTS = {
    "plain": lambda x: x,
    "turned": lambda x: x.transpose(0, -1),
    "stepped": lambda x: x[::2],
    "backwards": lambda x: x.flip(0),
    "repeated": lambda x: x[:1].expand(*x.shape),
}
SHAPES = st.lists(st.sampled_from([0, 1, 2, 5, 8, 9]), min_size=1, max_size=3)


def checked(x, parts, dim, lengths):
    """The parts are views of x at their places, and each sends its gradient there."""
    assert len(parts) == len(lengths)
    ends = np.cumsum([0, *lengths])
    a, expected = x.detach().numpy(), np.zeros(x.shape, "f4")
    total = 0
    for k, (part, start, end) in enumerate(zip(parts, ends, ends[1:], strict=False)):
        at = (slice(None),) * dim + (slice(start, end),)
        wanted = a[at]
        np.testing.assert_array_equal(part.detach().numpy(), wanted.reshape(part.shape))
        assert part._base is not None or not x.numel()
        assert not wanted.size or np.shares_memory(part.detach().numpy(), a)
        if k % 2 == 0:
            expected[at] = k + 1
            total = total + (k + 1) * part.sum()
    if x.requires_grad and parts:
        (g,) = torch.autograd.grad(total, x)
        np.testing.assert_array_equal(g.numpy(), expected)


@given(SHAPES, st.sampled_from(sorted(LAYOUTS)), st.integers(0, 2), st.integers(1, 4), st.booleans())
def test_parts_of_one_size(shape, layout, dim, size, recorded):
    x = LAYOUTS[layout](torch.arange(float(np.prod(shape))).reshape(shape))
    x.requires_grad_(recorded)
    dim %= x.dim()
    n = x.shape[dim]
    whole, rest = divmod(n, size)
    lengths = [size] * whole + [rest] * (rest > 0 or n == 0)
    checked(x, x.split(size, dim), dim, lengths)
    checked(x, x.split(lengths, dim - x.dim()), dim, lengths)
    checked(x, x.unbind(dim), dim, [1] * n)


@pytest.mark.parametrize(
    "lengths", [[], [3, 3, 3, 3, 3, 3, 0], [3, 3, 3, 3, 6], [6, 3, 3, 3, 3], [3, 3, 6, 3, 3], [0] * 6 + [18]]
)
@pytest.mark.parametrize("dim", [0, 1])
def test_parts_of_given_sizes(lengths, dim):
    shape = [2, 2]
    shape[dim] = sum(lengths)
    x = torch.arange(float(np.prod(shape))).reshape(shape).requires_grad_()
    checked(x, x.split(lengths, dim), dim, lengths)
    assert [p.shape for p in x.unsafe_split_with_sizes(lengths, dim)] == [
        p.shape for p in x.split(lengths, dim)
    ]
    for a, b in zip(torch.split_with_sizes_copy(x, lengths, dim), x.split(lengths, dim), strict=True):
        assert torch.equal(a, b) and a._base is None


def test_every_part_says_where_it_was_made():
    x = torch.ones(9, 2, requires_grad=True)
    names = {p.grad_fn.name() for p in x.split(1)}
    assert names == {"SplitBackward0"} and {p.grad_fn.name() for p in x.unbind()} == {"UnbindBackward0"}

"""What is made like another tensor lies in memory as torch's does."""

import random

import pytest

import tapegrad

NAMES = ("empty_like", "zeros_like", "ones_like", "rand_like")


def shown(torch, shape, steps, repeated, order):
    """A tensor with gaps, repeated elements and permuted axes."""
    x = torch.ones([1 if r else n * s for n, s, r in zip(shape, steps, repeated, strict=True)])
    x = x[tuple(slice(None, None, 1 if r else s) for s, r in zip(steps, repeated, strict=True))]
    return x.expand(*shape).permute(*order)


@pytest.mark.parametrize("seed", range(60))
def test_strides_are_those_of_torch(seed):
    torch = pytest.importorskip("torch")
    draw = random.Random(seed)
    n = draw.randint(1, 4)
    shape, steps = ([draw.choice(given) for _ in range(n)] for given in ((2, 3, 4), (1, 1, 2)))
    how = shape, steps, [draw.random() < 0.4 for _ in range(n)], draw.sample(range(n), n)
    ours, theirs = shown(tapegrad, *how), shown(torch, *how)
    assert ours.stride() == theirs.stride()
    for name in NAMES:
        found = getattr(tapegrad, name)(ours)
        assert found.stride() == getattr(torch, name)(theirs).stride(), name
        assert found._base is None, name

"""Gradients that come to leaves as a caller's seed, or as a view of another cotangent."""

import numpy as np
import pytest

import tapegrad as torch

SIZES = [3, 40_000, 200_000]  # as numbers, by NumPy, by threads


@pytest.mark.parametrize("n", SIZES)
def test_a_seed_stays_the_caller_s(n):
    x, seed = torch.zeros(n, requires_grad=True), torch.arange(n, dtype=torch.float32)
    for turn in (1, 2, 3):
        x.view(-1).backward(seed)
        assert seed.equal(torch.arange(n, dtype=torch.float32))
        assert x.grad.equal(seed * turn)
    assert not np.shares_memory(x.grad.numpy(), seed.numpy())


@pytest.mark.parametrize("n", SIZES)
def test_a_leaf_s_own_gradient_as_seed(n):
    """What is added to one leaf does not change what the other one gets."""
    a, b = (torch.zeros(n, requires_grad=True) for _ in range(2))
    (a + 2 * b).backward(torch.ones(n))
    (a + b.flip(0).flip(0) + b).backward(b.grad)
    assert a.grad.eq(3).all() and b.grad.eq(6).all()
    a.grad = torch.arange(n, dtype=torch.float32)
    a.view(-1).backward(a.grad)
    assert a.grad.equal(2 * torch.arange(n, dtype=torch.float32))


@pytest.mark.parametrize("n", SIZES)
def test_a_part_of_a_gradient_as_seed(n):
    whole = torch.arange(n + 1, dtype=torch.float32)
    x = torch.zeros(n, requires_grad=True)
    x.grad = whole[1:]
    x.view(-1).backward(whole[:-1])
    assert x.grad.equal(2 * torch.arange(n, dtype=torch.float32) + 1)


@pytest.mark.parametrize("n", SIZES)
def test_repeated_and_turned_gradients(n):
    m = torch.zeros(4, n, requires_grad=True)
    m.sum().backward()
    m.sum(1).backward(torch.arange(4.0))
    m.t().backward(torch.ones(n, 4))
    m.sum(0).backward(torch.arange(n, dtype=torch.float32))
    expected = 2 + torch.arange(4.0)[:, None] + torch.arange(n, dtype=torch.float32)
    assert m.grad.equal(expected)
    assert m.grad.is_contiguous()


def test_several_shares_of_one_leaf():
    x = torch.zeros(3, requires_grad=True)
    y = x.view(3) + x + x.reshape(3)
    y.backward(torch.ones(3), retain_graph=True)
    assert x.grad.eq(3).all()
    (g,) = torch.autograd.grad(y, x, torch.ones(3), create_graph=True)
    assert g.eq(3).all()
    y.backward(torch.ones(3), create_graph=True)
    assert x.grad.eq(6).all()


@pytest.mark.parametrize("n", SIZES)
def test_a_leaf_as_root_keeps_a_gradient_of_its_own(n):
    x, seed = torch.zeros(n, requires_grad=True), torch.ones(n)
    for k in range(1, 4):
        (x if k % 2 else torch.positive(x)).backward(seed)
        assert x.grad.eq(k).all() and seed.eq(1).all()
        assert not np.shares_memory(x.grad.numpy(), seed.numpy())
    x.backward(x.grad)
    assert x.grad.eq(6).all()


@pytest.mark.parametrize("start", [None, 1.0])
def test_hooks_of_a_leaf_do_not_see_the_seed(start):
    x, seed = torch.zeros(3, requires_grad=True), torch.ones(3)
    x.grad = None if start is None else torch.full((3,), start)
    y, seen = x.view(3), []
    y.grad_fn.next_functions[0][0].register_hook(lambda _, outs: seen.append(outs[0]))
    y.backward(seed)
    assert not np.shares_memory(seen[0].numpy(), seed.numpy())


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_of_two_shapes_for_one_leaf(create_graph):
    x = torch.zeros(2, 3, requires_grad=True)
    y = x.sum()
    with torch.no_grad():
        x.t_()
    with pytest.raises(RuntimeError, match=r"have come to one leaf|must be equal"):
        (y + x.sum()).backward(create_graph=create_graph)
    assert x.grad is None


@pytest.mark.parametrize("used", [(0,), (4,), (1, 2), (0, 3), (0, 1, 2, 3, 4)])
@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("cut", ["split", "unbind", "with nothing"])
def test_parts_that_are_not_used_have_no_gradient(cut, dim, used):
    shape = (5, 3) if dim == 0 else (3, 5)
    x = torch.randn(*shape, dtype=torch.float64, requires_grad=True)
    lengths = [1, 0, 2, 2, 0] if cut == "with nothing" else 1
    parts = x.unbind(dim) if cut == "unbind" else x.split(lengths, dim)
    wanted = np.zeros(shape)
    at = np.cumsum([0, 1, 0, 2, 2, 0] if cut == "with nothing" else [0, 1, 1, 1, 1, 1])
    loss = 0
    for i in used:
        loss = loss + (i + 2) * (parts[i] ** 2).sum()
        place = [slice(None)] * 2
        place[dim] = slice(at[i], at[i + 1])
        wanted[tuple(place)] = 2 * (i + 2)
    (g,) = torch.autograd.grad(loss, x, create_graph=True)
    np.testing.assert_allclose(g.detach().numpy(), wanted * x.detach().numpy())
    (h,) = torch.autograd.grad(g.sum(), x)
    np.testing.assert_allclose(h.numpy(), wanted)


@pytest.mark.parametrize("hooked", [False, True])
@pytest.mark.parametrize("n", SIZES)
def test_nobody_else_sees_what_grad_returns(n, hooked):
    """Leaves and others, wanted once or twice, that get the seed, a view of it, a sum, or a fresh array."""
    a, b, c, d = (torch.rand(n, requires_grad=True) for _ in range(4))
    if hooked:
        for leaf in (a, b):
            leaf.register_hook(lambda g: g)
    seed = torch.rand(n)
    inner = a + b.view(-1)
    y = inner + c * 2 + c.view(-1) + d.exp()
    wanted = [a, b, c, d, inner, y, a, d, y]
    before = seed.clone()
    for retain in (True, False):
        found = torch.autograd.grad(y, wanted, seed, retain_graph=retain)
        memory = [seed, *[t.detach() for t in (a, b, c, d, inner, y)], *found]
        for i, one in enumerate(memory):
            assert not any(np.shares_memory(one.numpy(), other.numpy()) for other in memory[:i])
        expected = [before] * len(wanted)
        expected[2], expected[3] = before * 3, before * d.detach().exp()
        expected[7] = expected[3]
        torch.testing.assert_close(list(found), expected)
        for g in found:
            g.zero_()
        assert seed.equal(before)

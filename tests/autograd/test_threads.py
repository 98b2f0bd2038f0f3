"""Several threads: shared leaves, modes, hooks, hooks on saved values, whole trainings."""

import threading

import pytest

import tapegrad as torch
from tapegrad.autograd import Function
from tapegrad.autograd.graph import saved_tensors_hooks


def in_threads(n, work):
    failed = []

    def guarded(i):
        try:
            work(i)
        except BaseException as e:  # noqa: BLE001 # told in the main thread
            failed.append(e)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if failed:
        raise failed[0]


def test_backward_on_shared_leaves_through_functions_and_hooks():
    class Double(Function):
        @staticmethod
        def forward(ctx, a):
            ctx.save_for_backward(a)
            return a * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2 + ctx.saved_tensors[0] * 0

    x = torch.ones(100, requires_grad=True)
    calls = []
    x.register_post_accumulate_grad_hook(lambda p: calls.append(1))

    def work(i):
        for _ in range(50):
            Double.apply(x).sum().backward()

    in_threads(4, work)
    assert x.grad.tolist() == [400.0] * 100 and len(calls) == 200


def test_modes_and_hooks_on_saved_values_are_each_threads_own():
    packed = {0: [], 1: []}

    def work(i):
        for _ in range(100):
            x = torch.ones(3, requires_grad=True)
            if i == 0:
                with saved_tensors_hooks(lambda t: packed[0].append(1) or t, lambda t: t):
                    y = x.exp()
                with torch.no_grad():
                    assert not x.exp().requires_grad
            else:
                y = x.exp()
                assert y.requires_grad and torch.is_grad_enabled()
            y.sum().backward()
            assert x.grad is not None

    in_threads(2, work)
    assert len(packed[0]) == 100 and not packed[1]


def train(seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(20, 3, generator=generator)
    w = torch.randn(3, 2, generator=generator).requires_grad_()
    b = torch.zeros(2, requires_grad=True)
    for _ in range(100):
        loss = ((torch.tanh(x @ w + b) - x[:, :2]) ** 2).mean()
        for p, g in zip((w, b), torch.autograd.grad(loss, (w, b)), strict=True):
            with torch.no_grad():
                p.sub_(g * 0.1)
    return w.tolist(), b.tolist(), loss.item()


def test_two_models_trained_at_once_give_what_they_give_alone():
    alone = [train(0), train(1)]
    together = [None, None]

    def work(i):
        together[i] = train(i)

    in_threads(2, work)
    assert together == alone


def test_a_backward_inside_a_hook_of_a_partial_sweep():
    x, w = torch.tensor([3.0], requires_grad=True), torch.tensor([2.0], requires_grad=True)
    y, other = x * 2, (w * w).sum()
    y.register_hook(lambda g: other.backward() or g * 3)
    (g,) = torch.autograd.grad(y.sum(), x)
    assert g.tolist() == [6.0] and w.grad.tolist() == [4.0]
    with pytest.raises(ZeroDivisionError):
        y = x * 2
        y.register_hook(lambda g: 1 / 0)
        y.sum().backward()

"""What transforms leave behind: nothing."""

from __future__ import annotations

import gc
import threading
import warnings
import weakref

import pytest

import tapegrad as torch
from tapegrad import _state, func

D = torch.float64
x = torch.tensor([0.3, 1.7, -2.2], dtype=D)


def loss(w, x):
    return (w * x).tanh().sum()


RUNS = {
    "vmap": lambda w: func.vmap(lambda s: loss(w, s))(x),
    "grad": lambda w: func.grad(loss)(w, x),
    "vmap of grad": lambda w: func.vmap(func.grad(loss), in_dims=(None, 0))(w, x),
    "jvp": lambda w: func.jvp(lambda w: loss(w, x), (w,), (w,)),
    "hessian": lambda w: func.hessian(loss)(w, x),
    "jacrev": lambda w: func.jacrev(lambda w: func.vmap(lambda s: loss(w, s))(x))(w),
    "loop": lambda w: func.vmap(lambda s: loss(w, s) if s > 0 else -loss(w, s))(x),
    "backward": lambda w: func.vmap(lambda s: loss(w.requires_grad_(), s))(x).sum().backward(),
    "create_graph": lambda w: torch.autograd.grad(
        func.vmap(lambda s: loss(w.requires_grad_(), s))(x).sum(), w, create_graph=True
    ),
    "linearize": lambda w: func.linearize(lambda w: loss(w, x), w)[1](w),
}


@pytest.mark.filterwarnings("ignore::tapegrad.TapegradWarning")
@pytest.mark.parametrize("name", list(RUNS))
def test_memory_is_freed_without_the_collector(name):
    alert = _state.special.alert
    gc.collect()
    gc.disable()
    try:
        w = torch.tensor([0.5, -0.1, 0.2], dtype=D)
        array = weakref.ref(w.numpy())
        RUNS[name](w)
        del w
        assert array() is None
    finally:
        gc.enable()
    assert not _state.watching() and _state.special.alert == alert


def failing(s):
    raise KeyError("inside")


@pytest.mark.parametrize("transform", [func.vmap, func.grad, func.jacfwd, func.hessian])
def test_an_exception_leaves_the_thread_as_it_was(transform):
    with pytest.raises(KeyError):
        transform(failing)(x)
    assert not _state.watching() and torch.is_grad_enabled()
    assert func.grad(lambda x: (x * x).sum())(x).tolist() == (2 * x).tolist()


@pytest.mark.parametrize(
    "use", [lambda t: t + 1, lambda t: t.exp(), lambda t: t.sum(), lambda t: t.item(), torch.relu]
)
def test_a_value_that_has_left_its_transform_cannot_be_used(use):
    kept = []
    func.vmap(lambda s: (kept.append(s * 2), s)[1])(x)
    with pytest.raises(RuntimeError, match="was made inside a transform"):
        use(kept[0])


def test_no_backward_inside():
    w = x.clone().requires_grad_()
    with pytest.raises(RuntimeError, match="backward: it is called inside of a transform"):
        func.vmap(lambda s: ((w * s).sum().backward(), s)[1])(x)
    assert w.grad is None


def test_outside_tensors_keep_their_values_when_a_write_is_refused():
    target = torch.zeros(3, dtype=D)

    def write(s):
        target[0] = s
        return s

    with pytest.raises(RuntimeError, match="was made outside of the transform"):
        func.vmap(write)(x)
    assert target.tolist() == [0, 0, 0]


def test_two_threads_transform_at_once():
    found = {}

    def work(k):
        w = torch.full((3,), float(k), dtype=D)
        for _ in range(30):
            h = func.hessian(lambda w: (w**3).sum())(w)
            v = func.vmap(func.grad(lambda s: (s * w).sum() ** 2))(x)
        found[k] = h.diagonal().tolist(), v.tolist()

    threads = [threading.Thread(target=work, args=(k,)) for k in (1, 2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for k in (1, 2):
        assert found[k][0] == [6.0 * k] * 3
        assert torch.allclose(torch.tensor(found[k][1], dtype=D), x * 18 * k * k)
    assert not _state.watching()


def test_the_loop_says_so_once_with_the_line():
    def branching(s):
        return s * 2 if s > 0 else s

    with pytest.warns(torch.TapegradWarning, match=r"vmap: test_state.py:\d+: .*one after another"):
        assert func.vmap(branching)(x).tolist() == [0.6, 3.4, -2.2]
    assert func.vmap(branching)(x).tolist() == [0.6, 3.4, -2.2]


def test_random_numbers_start_over_when_the_loop_takes_over():
    def f(s):
        r = torch.rand(2, dtype=D)
        return (r * s).sum() if s > -100 else s

    torch.manual_seed(0)
    with pytest.warns(torch.TapegradWarning):
        got = func.vmap(f, randomness="different")(x)
    torch.manual_seed(0)
    wanted = torch.stack([(torch.rand(2, dtype=D) * s).sum() for s in x])
    assert torch.allclose(got, wanted)


def test_printing_inside_asks_for_no_value():
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        func.vmap(lambda s: (seen.append(repr(s)), s)[1])(x)
        func.jvp(lambda w: (seen.append(repr(w)), w)[1], (x,), (x,))
    assert "BatchedTensor(lvl=" in seen[0] and "tensor([ 0.3000,  1.7000, -2.2000]" in seen[0]
    assert "tangent=tensor([ 0.3000," in seen[1]

"""The engine: accumulation, ownership, hooks, views, modes, threads, memory."""

import gc
import threading
import weakref

import numpy as np
import pytest

import tapegrad as torch
from tapegrad import writes
from tapegrad.autograd import grad


def test_accumulation_over_backwards_and_paths():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = (x * x + x * 3.0).sum()
    y.backward(retain_graph=True)
    assert x.grad.tolist() == [5.0, 7.0, 9.0]
    held = x.grad
    y.backward()
    assert x.grad is held and held.tolist() == [10.0, 14.0, 18.0]


def test_adding_to_a_gradient_is_a_write_to_it():
    x, w = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    (x * 2).sum().backward()
    y = (x.grad * w).sum()
    before = (w * 3).sum()
    (x * 2).sum().backward()
    with pytest.raises(RuntimeError, match=r"mul backward: a float32\[3\] array that mul saved .* in place"):
        y.backward()
    before.backward()
    assert w.grad.tolist() == [3, 3, 3]


def test_a_view_of_a_gradient_sees_what_is_added():
    x = torch.ones(3, requires_grad=True)
    (x * 2).sum().backward()
    head, all_ = x.grad[:1], x.grad
    (x * 2).sum().backward()
    assert head.tolist() == [4] and all_.tolist() == [4, 4, 4]


def test_a_node_is_named_as_torch_names_it():
    x = torch.ones(3, requires_grad=True)
    for y, name in ((x * 2, "MulBackward0"), (x.sum(), "SumBackward0"), (x[:2], "SliceBackward0")):
        assert type(y.grad_fn).__name__ == y.grad_fn.name() == name
    y.sum().backward()  # the class makes no difference to the sweep
    assert x.grad.tolist() == [1, 1, 0]


def test_diamonds_do_not_cost_a_path_each():
    x = t = torch.tensor([1.0], requires_grad=True)
    for _ in range(60):
        t = t + t
    t.sum().backward()
    assert x.grad.item() == 2.0**60


def test_gradients_have_owners():
    a, b = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    seed = torch.ones(3)
    (a + b).backward(seed)
    a.grad.zero_()
    assert b.grad.tolist() == [1.0] * 3 and seed.tolist() == [1.0] * 3
    x = torch.ones(3, requires_grad=True)
    x.sum().backward()  # a broadcast, read-only array inside
    x.grad.add_(1)
    assert x.grad.tolist() == [2.0] * 3


def test_results_of_grad_do_not_share_memory():
    a, b = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    ga, gb = grad((a + b).sum(), (a, b))
    ga.zero_()
    assert gb.tolist() == [1.0] * 3


def test_a_wanted_node_runs_only_if_another_lies_below():
    x = torch.tensor([2.0], requires_grad=True)
    h = x * x
    z = (h * 3).sum()
    assert grad(z, h)[0].tolist() == [3.0]  # frees what z recorded, and nothing of h
    assert grad(h.sum(), x)[0].tolist() == [4.0]
    h = x * x
    both = grad((h * 3).sum(), (h, x))
    assert [g.item() for g in both] == [3.0, 12.0]


@pytest.mark.parametrize("stop", [lambda x: x.requires_grad_(False), lambda x: x.detach_()])
def test_node_and_grad_of_a_leaf_survive_requires_grad_false(stop):
    x = torch.tensor([1.0], requires_grad=True)
    y, seen = (x * 2).sum(), []
    x.register_hook(lambda g: seen.append(g.item()))
    y.backward(retain_graph=True)
    stop(x)
    assert not x.requires_grad and x.is_leaf
    y.backward(retain_graph=True)
    assert x.grad.tolist() == [2.0] and seen == [2.0, 2.0]  # a graph of before arrives, and adds nothing
    x.requires_grad_()
    y.backward()
    assert x.grad.tolist() == [4.0]
    x.requires_grad_(False).grad = torch.tensor([7.0])
    assert x.grad.tolist() == [7.0]


def test_a_result_that_is_detached_in_place_keeps_its_gradient():
    x = torch.ones(2, requires_grad=True)
    z = x * 2
    z.retain_grad()
    z.sum().backward()
    z.detach_()
    assert z.is_leaf and not z.requires_grad and z.grad.tolist() == [1.0, 1.0]


def test_a_detached_leaf_keeps_its_gradient_also_when_it_is_written():
    x, w = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    y = (x * 2).sum()
    y.backward(retain_graph=True)
    x.detach_()
    x.mul_(w)
    assert x.grad.tolist() == [2.0, 2.0] and not x.is_leaf and not x.retains_grad
    with pytest.raises(RuntimeError, match="was a leaf when the graph was recorded"):
        y.backward()
    x.sum().backward()
    assert w.grad.tolist() == [1.0, 1.0] and x.grad.tolist() == [2.0, 2.0]


def test_a_leaf_that_becomes_a_part_of_what_was_written_takes_no_gradients_of_before():
    base, w = torch.ones(2, 2), torch.ones(4, requires_grad=True)
    view = base.view(4).requires_grad_()
    y = (view * 2).sum()
    y.backward(retain_graph=True)
    base.mul_(w.view(2, 2))
    assert view.grad.tolist() == [2.0] * 4 and not view.is_leaf
    with pytest.raises(RuntimeError, match="was a leaf when the graph was recorded"):
        y.backward()
    (view * 3).sum().backward()
    assert w.grad.tolist() == [3.0] * 4 and view.grad.tolist() == [2.0] * 4


def test_a_gradient_that_is_assigned_is_kept_and_not_added_to():
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    y.grad = torch.full((2,), 5.0)
    y.sum().backward()
    assert y.grad.tolist() == [5.0, 5.0] and not y.retains_grad


@pytest.mark.parametrize("shape", [(3,), (30,)])
def test_a_rule_that_reads_nothing_can_run_twice(shape):
    for other in (2, torch.full(shape, 2.0), torch.full((1,), 2.0), torch.full((2, *shape), 2.0)):
        x = torch.ones(shape, requires_grad=True)
        y = x % other
        s = y.sum()
        s.backward()
        s.backward()
        assert x.grad.tolist() == [2.0 * y.numel() / x.numel()] * x.numel()


def test_a_rule_that_reads_cannot_run_twice():
    x, d = torch.ones(3), torch.full((3,), 2.0, requires_grad=True)
    y = (x % d).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="used and freed"):
        y.backward()


def test_inputs_of_backward_retain_their_gradient_once():
    x = torch.ones(2, requires_grad=True)
    y, unused = x * 2, x * 3
    y.retain_grad()
    z = (y * 5).sum()
    z.backward(retain_graph=True)
    z.backward(inputs=[y, unused])
    assert y.grad.tolist() == [10.0, 10.0] and x.grad.tolist() == [10.0, 10.0]
    assert unused.retains_grad and unused.grad is None


def test_create_graph_casts_a_gradient_and_materialized_zeros_require_grad():
    x, unused = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)
    (x * x).backward(torch.ones(2, dtype=torch.float64), create_graph=True)
    assert x.grad.dtype is torch.float32
    found = torch.autograd.grad((x * x).sum(), [unused], create_graph=True, materialize_grads=True)[0]
    assert found.tolist() == [0.0] * 3 and found.requires_grad and found.is_leaf
    x.grad = None


def test_a_tensor_contains_numbers_and_tensors_only():
    x = torch.ones(2)
    assert 1 in x and 2.0 not in x and x in x and np.float32(1) in x
    for what in ("a", None, [1]):
        with pytest.raises(RuntimeError, match="a Tensor or a number is needed"):
            assert what in x


def test_hooks_see_and_replace_gradients():
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    seen = []
    handle = y.register_hook(lambda g: seen.append(g.tolist()))
    y.register_hook(lambda g: g * 10)
    y.retain_grad()
    y.sum().backward()
    assert seen == [[1.0, 1.0]] and y.grad.tolist() == [10.0, 10.0] and x.grad.tolist() == [20.0, 20.0]
    handle.remove()
    handle.remove()
    with x.register_hook(lambda g: g * 0):
        (x * 2).sum().backward()
    assert seen == [[1.0, 1.0]] and x.grad.tolist() == [20.0, 20.0]


def test_a_hook_that_keeps_its_gradient_is_not_written_to():
    x = torch.ones(2, requires_grad=True)
    kept = []
    x.register_hook(kept.append)
    (x * 2).sum().backward()
    x.grad.zero_()
    assert kept[0].tolist() == [2.0, 2.0]


def test_backward_inside_a_hook():
    x, w = torch.tensor([3.0], requires_grad=True), torch.tensor([2.0], requires_grad=True)
    y, other = x * 2, (w * w).sum()
    y.register_hook(lambda g: other.backward())
    y.sum().backward()
    assert x.grad.tolist() == [2.0] and w.grad.tolist() == [4.0]


def test_double_backward():
    x = torch.tensor([3.0], requires_grad=True)
    (g,) = grad((x**3).sum(), x, create_graph=True)
    assert g.tolist() == [27.0] and g.requires_grad
    assert grad(g.sum(), x)[0].tolist() == [18.0]
    y = (x * x).sum()
    y.backward(create_graph=True)
    assert x.grad.grad_fn is not None
    x.grad = None


def test_inputs_of_backward():
    x, y = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    (x * y).sum().backward(inputs=[x])
    assert x.grad.tolist() == [1.0] and y.grad is None
    h = x * 2
    (h * 3).sum().backward(inputs=h)
    assert h.grad.tolist() == [3.0] and x.grad.tolist() == [1.0]


def test_in_place_on_views_and_bases():
    x = torch.arange(6.0, requires_grad=True)
    y = x * 2
    v = y.view(2, 3)
    row = v[0]
    row.mul_(3.0)
    y[5] = 0.0
    assert y.tolist() == [0.0, 6.0, 12.0, 6.0, 8.0, 0.0]
    (v * v).sum().backward()
    assert x.grad.tolist() == [0.0, 72.0, 144.0, 24.0, 32.0, 0.0]


def test_write_into_a_buffer_makes_its_views_differentiable():
    w = torch.tensor(2.0, requires_grad=True)
    buffer = torch.zeros(3)
    view = buffer[1]
    buffer[1] = w * 3
    assert view.requires_grad and view.item() == 6.0
    (view * view).backward()
    assert w.grad.item() == 36.0


def test_views_keep_out_of_requires_grad_on_their_base():
    base = torch.zeros(3)
    view = base[0]
    base.requires_grad_()
    assert not view.requires_grad


def test_modes_as_contexts_decorators_and_functions():
    x = torch.ones(1, requires_grad=True)
    with torch.no_grad():
        assert not torch.is_grad_enabled() and (x * 2).grad_fn is None
        with torch.enable_grad():
            assert (x * 2).requires_grad
        assert not torch.is_grad_enabled()
    with torch.inference_mode():
        assert torch.is_inference_mode_enabled() and not (x * 2).requires_grad

    @torch.no_grad()
    def f(t, depth=3):
        return f(t, depth - 1) if depth else t * 2

    @torch.no_grad
    def g(t):
        return t * 2

    assert not f(x).requires_grad and not g(x).requires_grad and torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    assert not torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    with torch.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert torch.is_grad_enabled()


def test_a_decorated_generator_keeps_its_mode_to_itself():
    x = torch.ones(1, requires_grad=True)

    @torch.no_grad()
    def numbers():
        received = yield (x * 1).requires_grad
        yield received

    it = numbers()
    assert next(it) is False and torch.is_grad_enabled()
    assert it.send("hello") == "hello"


def test_an_exception_restores_the_mode():
    with pytest.raises(ZeroDivisionError), torch.no_grad():
        1 / 0  # noqa: B018 # for its exception
    assert torch.is_grad_enabled()


def test_grad_mode_is_per_thread():
    inside, done = threading.Event(), threading.Event()
    seen = {}

    def other():
        inside.wait(10)
        x = torch.ones(1, requires_grad=True)
        seen["enabled"] = torch.is_grad_enabled()
        seen["recorded"] = (x * 2).requires_grad
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with torch.no_grad():
        inside.set()
        done.wait(10)
    thread.join()
    assert seen == {"enabled": True, "recorded": True}


def test_threads_on_one_leaf_lose_no_gradient():
    x = torch.zeros(100, requires_grad=True)

    def work():
        for _ in range(200):
            (x * 1.0).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert x.grad.tolist() == [800.0] * 100


def test_the_last_write_mark_never_decreases():
    arrays = [np.zeros(3) for _ in range(4)]
    marks = []

    def work(a):
        for _ in range(2000):
            writes.wrote(a)
            marks.append(writes.last_write.tick)

    threads = [threading.Thread(target=work, args=(a,)) for a in arrays]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    highest = writes.last_write.tick
    writes.wrote(arrays[0])
    assert writes.last_write.tick > highest >= max(marks)


@pytest.mark.usefixtures("eager_switching")
def test_no_write_of_several_threads_is_lost():
    x = np.zeros(3)
    threads = [threading.Thread(target=lambda: [writes.wrote(x) for _ in range(3000)]) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert writes.count_of(x) == 12000
    assert writes.writes_to(x).tick == writes.last_write.tick


def test_a_dropped_graph_is_freed_at_once():
    gc.disable()
    try:
        x = torch.ones(1000, requires_grad=True)
        y = (x * 2).exp()
        ref = weakref.ref(y._a)
        z = y.sum()
        del y
        assert ref() is not None
        del z
        assert ref() is None
    finally:
        gc.enable()


def test_deep_graphs_need_no_recursion():
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y + 1.0
    y.backward()
    assert x.grad.item() == 1.0
    del y


def test_ieee_results_are_silent_and_np_seterr_is_respected():
    big = torch.tensor([1e38, -1.0, 0.0], requires_grad=True)
    with np.errstate(all="raise"):
        assert (big * 1e38).tolist()[0] == float("inf")
        y = big.log().sum() + (big / 0.0).sum() + big.exp().sum()
        y.backward()
        assert np.geterr()["over"] == "raise"
    assert y.isnan().item()


def test_numpy_shares_memory_with_results_without_dimensions():
    t = torch.ones(3).sum()
    a = t.numpy()
    a[...] = 7
    assert t.item() == 7.0
    d = t.detach()
    d.zero_()
    assert t.item() == 0.0 and a[()] == 0.0


def test_writes_to_0d_tensors_are_noticed_and_leave_no_trace():
    x = torch.tensor(2.0, requires_grad=True)
    for change in (
        lambda: x.add_(1),
        lambda: x.mul_(2),
        lambda: x.zero_(),
        lambda: x.copy_(torch.tensor(5.0)),
    ):
        y = x * x
        with torch.no_grad():
            change()
        with pytest.raises(RuntimeError, match=r"mul backward: .* written in place at test_engine\.py:\d+"):
            y.backward()
    before = len(writes._writes)
    w = torch.tensor(0.5, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    kept = []
    for i in range(3000):
        loss = (w - 3) ** 2
        if i % 1000 == 0:
            kept.append(w * w)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert w.item() == pytest.approx(3) and type(w._a) is np.float32
    assert len(writes._writes) - before < 300
    for y in kept:
        with pytest.raises(RuntimeError, match="written in place"):
            y.backward()


def test_a_copy_of_a_0d_tensor_has_a_life_of_its_own():
    x = torch.tensor(2.0, requires_grad=True)
    y = x.clone()
    z = y * y
    with torch.no_grad():
        x.add_(1)
    z.backward()
    assert x.grad.item() == 4


def test_arrays_among_the_arguments_must_not_change():
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    i, mask = torch.tensor([0, 0]), torch.tensor([True, False])
    for y, change in ((x[i], lambda: i.add_(1)), (x[mask], lambda: mask.logical_not_())):
        change()
        with pytest.raises(RuntimeError, match=r"index backward: .* written in place"):
            y.sum().backward()
    assert x.grad is None


def test_hooks_return_gradients_or_nothing():
    for bad, error in (
        (lambda g: g.double(), RuntimeError),
        (lambda g: g[:1], RuntimeError),
        (lambda g: 7, TypeError),
    ):
        x = torch.ones(2, requires_grad=True)
        x.register_hook(bad)
        with pytest.raises(error, match="hook: it returned"):
            (x * 2).sum().backward()
        assert x.grad is None


def test_a_gradient_with_a_graph_is_added_to_in_place():
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    g = x.grad
    (x * 2).sum().backward()
    assert x.grad is g and g.requires_grad and g.tolist() == [14, 29]


def test_a_write_to_either_array_of_a_saved_number_is_noticed():
    x = torch.tensor(2.0) * 1
    for i in range(2):
        w = torch.tensor(3.0, requires_grad=True)
        first, second = (torch.Tensor.__mul__(x, 1) for _ in range(2))
        first._a = second._a = x._a
        y = w * first
        first.detach(), second.detach()
        (first, second)[i].add_(1)
        with pytest.raises(RuntimeError, match="written in place"):
            y.backward()


def test_retain_grad_survives_a_change_of_shape_in_place():
    y = torch.ones(1, 3, requires_grad=True) * 2
    y.retain_grad()
    view = y.permute(1, 0)
    y.squeeze_()
    assert y.retains_grad
    y.mul_(2)
    (y.sum() + (view * 3).sum()).backward()
    assert y.grad.tolist() == [4.0] * 3

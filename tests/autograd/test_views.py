"""Views as torch has them: what they know of their base, what may be written through them, and when not."""

from __future__ import annotations

import gc
from typing import Any

import pytest

import tapegrad
from tapegrad._state import special
from tests.autograd import view_programs
from tests.autograd.both import same

torch = pytest.importorskip("torch")
REFUSED = "RuntimeError"


def leaf(lib: Any, *shape: int) -> Any:
    """Counting numbers that require grad."""
    n = lib.Size(shape).numel()
    return lib.arange(1.0, n + 1, dtype=lib.float64).reshape(shape).clone().requires_grad_()


@pytest.mark.parametrize("start", range(0, 240, 40))
def test_random_programs(start: int) -> None:
    for seed in range(start, start + 40):
        view_programs.run(torch, seed)


# ---- what they know


def test_views_made_in_no_grad_require_grad_and_get_none() -> None:
    def f(lib: Any) -> Any:
        x = leaf(lib, 2, 3)
        b = x * 1
        with lib.no_grad():
            views = [b[0], b.t(), b.expand(2, 2, 3), b.view(6), *b.split(1), b.diagonal(), x[1]]
        seen: list[Any] = []
        for v in views:
            v.register_hook(seen.append)
        y = sum((v * v).sum() for v in views)
        y.backward()
        z = (views[0] * b[0]).sum()
        (g,) = lib.autograd.grad(z, [x], retain_graph=True)
        nothing = lib.autograd.grad(z, [views[0]], allow_unused=True)
        return (
            [(v.requires_grad, v.is_leaf, v.grad_fn, v.grad) for v in views],
            y.requires_grad,
            x.grad,
            g.tolist(),
            nothing,
            seen,
            refused(lambda: views[0].backward(lib.ones(3))),
            refused(lambda: lib.autograd.grad(z, [views[0]])),
        )

    def refused(call: Any) -> str:
        try:
            call()
        except RuntimeError:
            return REFUSED
        return "done"

    same(torch, f)


def test_base_and_version() -> None:
    def f(lib: Any) -> Any:
        x = lib.zeros(4)
        v, w, d, e = x[1:], x[1:][1:], x.detach(), x.data
        who = [v._base is x, w._base is x, x._base, d._base, e._base, v._is_view(), d._is_view()]
        counts = []
        for t in (x, v, w, d, e):
            t.add_(1)
            counts.append([s._version for s in (x, v, w, d, e)])
        return who, counts

    same(torch, f)


@pytest.mark.parametrize(
    "write",
    [
        lambda lib, x: x.fill_(2),
        lambda lib, x: x.zero_(),
        lambda lib, x: x.copy_(lib.ones(4)),
        lambda lib, x: x.add_(1),
        lambda lib, x: x.__iadd__(1),
        lambda lib, x: x.__setitem__(0, 1.0),
        lambda lib, x: x.__setitem__(..., 1.0),
        lambda lib, x: x.__setitem__(slice(0, 2), lib.ones(2)),
        lambda lib, x: x.__setitem__(lib.tensor([0, 1]), 3.0),
        lambda lib, x: x.__setitem__(x > 0, 3.0),
        lambda lib, x: x.index_put_((lib.tensor([0]),), lib.ones(1)),
        lambda lib, x: x.uniform_(),
        lambda lib, x: x.normal_(),
        lambda lib, x: x.random_(),
        lambda lib, x: x.bernoulli_(),
        lambda lib, x: x.exponential_(),
        lambda lib, x: x.clamp_(0, 1),
        lambda lib, x: lib.nn.init.constant_(x, 2),
        lambda lib, x: lib.add(x, 1, out=x),
        lambda lib, x: x.resize_(2),
        lambda lib, x: x.resize_(9),
        lambda lib, x: x.set_(lib.ones(2)),
        lambda lib, x: x.requires_grad_(),
        lambda lib, x: setattr(x, "data", lib.ones(3)),
        lambda lib, x: x[1:].mul_(2),
        lambda lib, x: x.view(2, 2).detach().mul_(2),
        lambda lib, x: x.data.mul_(2),
    ],
)
def test_each_write_counts_as_in_torch(write: Any) -> None:
    def f(lib: Any) -> Any:
        x = lib.zeros(4)
        counts = []
        for _ in range(2):
            write(lib, x)
            counts.append(x._version)
            x = x.detach()
        return counts

    assert same(torch, f)[0] in (0, 1)


def test_the_version_of_0d_tensors() -> None:
    def f(lib: Any) -> Any:
        x = lib.tensor(1.0)
        x.add_(1)
        x += 2
        v = x.view(1)
        v.add_(1)
        return x._version, v._version, x.detach()._version, x

    assert same(torch, f)[0] == 3


def test_storages() -> None:
    def f(lib: Any) -> Any:
        x = lib.arange(6.0).view(2, 3)
        y, z = x[1, 1:], x.t()[1:]
        return (
            [t.storage_offset() for t in (x, y, z, x.clone())],
            [t.untyped_storage().nbytes() for t in (x, y, z)],
            x.untyped_storage().data_ptr() == y.untyped_storage().data_ptr() == x.data_ptr(),
            x.is_set_to(x.view(2, 3)),
            x.is_set_to(x.t()),
            y.is_set_to(x[1, 1:3]),
        )

    same(torch, f)


# ---- .data, set_, resize_


def test_writes_to_data_go_unnoticed_and_those_to_detach_do_not() -> None:
    def f(lib: Any, name: str) -> Any:
        w, x = leaf(lib, 2), leaf(lib, 2)
        y = (w * x).sum()
        getattr(w, name).sub_(1) if name == "data" else w.detach().sub_(1)
        y.backward()
        return x.grad, w._version

    same(torch, lambda lib: f(lib, "data"))
    assert same(torch, lambda lib: f(lib, "detach")) == REFUSED


def test_data_shares_memory_also_of_views_and_of_what_repeats() -> None:
    def f(lib: Any) -> Any:
        x = lib.arange(6.0).view(2, 3)
        x.t().data[0].fill_(9)
        x.data.t()[1].fill_(8)
        d = x[1:].data
        return x, d.storage_offset(), d._base, d.is_leaf, x.expand(2, 2, 3).data.shape

    same(torch, f)
    assert same(torch, lambda lib: lib.ones(3).expand(2, 3).data.add_(1)) == REFUSED


def test_data_set_after_the_forward_leaves_what_was_saved() -> None:
    w, x = leaf(tapegrad, 1), leaf(tapegrad, 1)  # torch goes back with the new values: a wrong gradient
    y = w * x
    w.data = tapegrad.tensor([10.0], dtype=tapegrad.float64)
    y.backward()
    assert x.grad.tolist() == [1.0]


@pytest.mark.parametrize(
    "f",
    [
        lambda lib, w, o: setattr(w, "data", o),
        lambda lib, w, o: w.set_(o),
        lambda lib, w, o: w.set_(o, 1, (2,), (1,)),
        lambda lib, w, o: w.set_(o.untyped_storage(), 1, (2,), (1,)),
        lambda lib, w, o: w.set_(),
    ],
)
def test_other_memory(f: Any) -> None:
    def run(lib: Any) -> Any:
        w, o = lib.zeros(4), lib.arange(5.0)
        w.add_(1)
        f(lib, w, o)
        before = w._version
        w.add_(1)
        return w, o, o._version, w._version - before

    same(torch, run)


@pytest.mark.parametrize(
    "f",
    [
        lambda lib, x: setattr(x, "data", 3),
        lambda lib, x: delattr(x, "data"),
        lambda lib, x: setattr(x, "data", lib.ones(2, dtype=lib.int64)),
        lambda lib, x: x.set_(lib.ones(2)),
        lambda lib, x: x.resize_(1),
        lambda lib, x: lib.zeros(2).set_(lib.ones(2, dtype=lib.int64)),
        lambda lib, x: lib.zeros(2).set_(lib.ones(2), 1, (2,), (1,)),
        lambda lib, x: lib.zeros(2).resize_(-1, 2),
        lambda lib, x: x[1:].detach_(),
        lambda lib, x: (x * 1)[1:].detach_(),
        lambda lib, x: lib.zeros(2)[1:].detach_(),
        lambda lib, x: (x * 1)[1:].requires_grad_(False),
    ],
)
def test_refusals(f: Any) -> None:
    assert same(torch, lambda lib: f(lib, leaf(lib, 2))) in (REFUSED, "TypeError")


def test_a_leafs_other_shape_takes_a_new_gradient_only() -> None:
    def f(lib: Any, keep: bool) -> Any:
        w = leaf(lib, 2)
        (w * 2).sum().backward()
        w.data = lib.ones(3, dtype=lib.float64)
        if not keep:
            w.grad = None
        (w * 2).sum().backward()
        return w.grad

    assert same(torch, lambda lib: f(lib, True)) == REFUSED
    same(torch, lambda lib: f(lib, False))


def test_resize() -> None:
    def f(lib: Any) -> Any:
        x = lib.arange(6.0)
        v = x[2:4].resize_(4)
        grown = lib.arange(3.0).resize_(2, 2).view(-1)[:3]
        as_other = lib.arange(6.0).resize_as_(lib.zeros(2, 2))
        return v, x.resize_(2, 2), grown, as_other, lib.arange(6.0).view(2, 3).t().resize_(2, 3)

    same(torch, f)
    x = tapegrad.zeros(3)
    v = x[1:]
    with pytest.raises(RuntimeError, match="others show that"):
        x.resize_(9)
    assert v.shape == (2,)


# ---- views that must not be written


CUTS = {
    "split": lambda x: x.split(2)[0],
    "split sizes": lambda x: x.split([1, 3])[1],
    "split_with_sizes": lambda x: x.split_with_sizes([2, 2])[0],
    "chunk": lambda x: x.chunk(2)[0],
    "unbind": lambda x: x.unbind()[0],
    "a view of one": lambda x: x.split(2)[0][1:],
    "tensor_split": lambda x: x.tensor_split(2)[0],
    "hsplit": lambda x: x.hsplit(2)[0],
    "unsafe_split": lambda x: x.unsafe_split(2)[0],
    "unsafe_chunk": lambda x: x.unsafe_chunk(2)[0],
    "slice": lambda x: x[1:],
    "select": lambda x: x[0],
    "two views": lambda x: x[1:][1:],
}


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("of", ["leaf", "computed", "plain"])
def test_where_views_are_made_and_written(cut: str, of: str) -> None:
    """Cut in a mode, written in a mode, used: every combination does what torch does."""

    def f(lib: Any, made: str, written: str, what: str) -> Any:
        w = leaf(lib, 4)
        x = {"leaf": w, "computed": w * 1, "plain": w.detach().clone()}[of]
        modes = {"grad": lib.enable_grad, "no_grad": lib.no_grad, "inference": lib.inference_mode}
        with modes[made]():
            v = CUTS[cut](x)
        with modes[written]():
            if what == "view":
                v.mul_(2)
            elif what == "value":
                v.mul_(w[0])
            else:
                x.mul_(2)
        with lib.no_grad():
            quiet = (v + 1).clone()
        y = (v * v).sum() + (x * 3).sum()
        grad = None
        if y.requires_grad:
            y.backward()
            grad = w.grad
        return quiet, x, grad, v._base is x

    for made in ("grad", "no_grad", "inference")[: 2 if "unsafe" in cut else 3]:
        for written in ("grad", "no_grad", "inference"):
            for what in ("view", "value", "base"):
                same(torch, lambda lib, a=made, b=written, c=what: f(lib, a, b, c))


def test_a_refused_write_changes_nothing() -> None:
    x = leaf(tapegrad, 4) * 1
    first, second = x.split(2)
    node = x.grad_fn
    for refused in (lambda: first.mul_(2), lambda: first.__setitem__(0, 1.0), lambda: second.zero_()):
        with pytest.raises(RuntimeError, match="is one of several that one operation"):
            refused()
    assert x.tolist() == [1, 2, 3, 4]
    assert x.grad_fn is node
    with tapegrad.no_grad():
        made = x[1:]
    with pytest.raises(RuntimeError, match=r"add_: .*it was made in no_grad\(\); make it outside"):
        made.add_(1)
    assert x.tolist() == [1, 2, 3, 4]


def test_views_that_must_not_be_used_slow_nothing_down_once_they_are_gone() -> None:
    gc.collect()
    before = special.alert
    x = leaf(tapegrad, 4)
    with tapegrad.no_grad():
        x[1:].mul_(2)
        v = x[2:]
        assert special.alert == before
        x.mul_(2)
    assert special.alert == before + 1
    with pytest.raises(RuntimeError, match="whose base was written in place since"):
        _ = v * 2
    del v
    assert special.alert == before


def test_repr_of_a_view_that_must_not_be_used() -> None:
    def f(lib: Any) -> str:
        with lib.no_grad():
            v = leaf(lib, 2)[1:]
            v.mul_(2)
        return repr(v)

    assert "grad_fn=<Invalid>" in same(torch, f)


# ---- memory that overlaps


@pytest.mark.parametrize(
    "f",
    [
        lambda lib, x: x[1:].add_(x[:-1]),
        lambda lib, x: x[:-1].copy_(x[1:]),
        lambda lib, x: x.__setitem__(slice(1, None), x[:-1]),
        lambda lib, x: x.view(3, 3).add_(x.view(3, 3).t()),
        lambda lib, x: x.view(3, 3).t().copy_(x.view(3, 3)),
        lambda lib, x: x.add_(x),
        lambda lib, x: x.add_(x.view(9)),
        lambda lib, x: x.view(1, 9).add_(x),
        lambda lib, x: x[::2].add_(x[1::2][:1]),
        lambda lib, x: x.add_(x[0]),
        lambda lib, x: x[:3].add_(x[5]),
        lambda lib, x: x.eq_(x.view(3, 3).t().reshape(-1)),
        lambda lib, x: lib.maximum(x[:-1], x[:-1], out=x[1:]),
        lambda lib, x: lib.exp(x[1:], out=x[:-1]),
        lambda lib, x: lib.exp(x, out=x),
        lambda lib, x: lib.cat([x[:4], x[:5]], out=x),
        lambda lib, x: x[:1].expand(3).add_(1),
        lambda lib, x: x[:1].expand(3).copy_(lib.ones(3)),
        lambda lib, x: x[:1].expand(3)[1].add_(1),
        lambda lib, x: x[:3].expand(2, 3)[0].mul_(2),
        lambda lib, x: x[:3].expand(2, 3).__setitem__(0, 1.0),
        lambda lib, x: x[:3].expand(2, 3).__setitem__(slice(None), 1.0),
        lambda lib, x: x[:3].expand(1, 3).add_(1),
        lambda lib, x: x[:3].expand(0, 3).add_(1),
        lambda lib, x: x[:1].expand(1, 1).relu_(),
        lambda lib, x: x[:3].expand(2, 3).uniform_(),
        lambda lib, x: lib.add(x[:3], 1, out=x[:1].expand(3)),
        lambda lib, x: x.as_strided((2, 3), (3, 1)).add_(1),
        lambda lib, x: x.as_strided((2, 2), (3, 2)).add_(1),
        lambda lib, x: x.unfold(0, 3, 3).mul_(2),
        lambda lib, x: x.unfold(0, 3, 1)[2].mul_(2),
    ],
)
@pytest.mark.parametrize("of", ["plain", "computed"])
def test_overlap(f: Any, of: str) -> None:
    def run(lib: Any) -> Any:
        w = leaf(lib, 9)
        x = w * 1 if of == "computed" else w.detach().clone()
        try:
            f(lib, x)
        except RuntimeError:
            return "refused"
        if x.requires_grad:
            (x * x).sum().backward()
        return x, w.grad

    same(torch, run)


def test_what_torch_refuses_only_in_the_backward_is_right_here() -> None:
    """The same values, and gradients that torch does not give."""

    def f(lib: Any, write: Any) -> Any:
        x = leaf(lib, 9) * 1
        write(x)
        return x

    for write, expected in (
        (lambda x: x[:1].expand(3).fill_(2.0), [0, 1, 1, 1, 1, 1, 1, 1, 1]),
        (lambda x: x[:1].expand(3).zero_(), [0, 1, 1, 1, 1, 1, 1, 1, 1]),
        (lambda x: x.unfold(0, 3, 1)[:2].fill_(2.0), [0, 0, 0, 0, 1, 1, 1, 1, 1]),
        (lambda x: x[:3].mul_(x[5]), [6, 6, 6, 1, 1, 7, 1, 1, 1]),
    ):
        same(torch, lambda lib, w=write: f(lib, w))
        w = leaf(tapegrad, 9)
        x = w * 1
        write(x)
        x.sum().backward()
        assert w.grad.tolist() == expected


def test_writes_to_what_repeats_are_refused_where_torch_leaves_them_to_chance() -> None:
    x = tapegrad.arange(6.0)
    for target in (x.unfold(0, 3, 1), x.as_strided((2, 3), (1, 1)), x.as_strided((3, 3), (1, 1))):
        with pytest.raises(RuntimeError, match="share one place in memory"):
            target.add_(1)
    assert x.tolist() == [0, 1, 2, 3, 4, 5]


# ---- as_strided


@pytest.mark.parametrize(
    "cut",
    [
        lambda x: x.t().as_strided((3,), (1,), 1),
        lambda x: x.view(-1)[1:3].as_strided((6,), (1,), 0),
        lambda x: x.as_strided((3, 3), (1, 1)),
        lambda x: x.expand(2, 2, 3).as_strided((3,), (1,)),
        lambda x: x[:, 1:].as_strided((2, 2), (3, 1)),
        lambda x: x[:, 1:].as_strided((2, 2), (3, 1), 0),
        lambda x: x.t()[1:].as_strided((2,), (2,)),
        lambda x: x.unfold(1, 2, 1).as_strided((2, 2), (2, 1)),
    ],
)
def test_as_strided_depends_on_how_its_input_lies(cut: Any) -> None:
    def f(lib: Any) -> Any:
        w = leaf(lib, 2, 3)
        y = cut(w)
        (g,) = lib.autograd.grad((y * y * y).sum(), [w], create_graph=True)
        (gg,) = lib.autograd.grad((g * g).sum(), [w])
        return y, g, gg, y.grad_fn

    same(torch, f)


@pytest.mark.parametrize("made_from", ["base", "view", "small view"])
def test_writes_through_as_strided_reach_the_base(made_from: str) -> None:
    def f(lib: Any) -> Any:
        w = leaf(lib, 6)
        x = w * 1
        v = {"base": x, "view": x.view(2, 3).t(), "small view": x[:2]}[made_from]
        y = v.as_strided((2, 2), (3, 1), 1)
        y.mul_(10)
        (x * x).sum().backward()
        return w.grad, x, y, v, y.grad_fn, y._base is x

    same(torch, f)


# ---- hooks, names, second derivatives


def test_names_after_writes() -> None:
    def f(lib: Any) -> Any:
        x = leaf(lib, 3, 3) * 1
        v, w = x[1:], x.t()
        v.mul_(2)
        names = [t.grad_fn for t in (x, v, w)]
        x.mul_(2)
        names += [t.grad_fn for t in (x, v, w)]
        z = lib.zeros(3, dtype=lib.float64)
        u = z[1:]
        z[0] = leaf(lib, 1)[0]
        return names, z.grad_fn, u.grad_fn, u.requires_grad, u.is_leaf

    same(torch, f)


@pytest.mark.parametrize("hooked", ["base", "view", "both"])
@pytest.mark.parametrize("written", ["base", "view", "other"])
@pytest.mark.parametrize("used", ["base", "view"])
def test_hooks_and_retained_gradients(hooked: str, written: str, used: str) -> None:
    def f(lib: Any) -> Any:
        w, seen = leaf(lib, 4), []
        x = w * 3
        v, u = x[:2], x[1:]
        for name, t in (("base", x), ("view", v)):
            if hooked in (name, "both"):
                t.register_hook(lambda g, n=name: seen.append((n, "before", g.tolist())))
                t.retain_grad()
        {"base": x, "view": v, "other": u}[written].mul_(2)
        for name, t in (("base", x), ("view", v)):
            # torch loses a second hook on a view that was derived anew
            if hooked in (name, "both") and (name == "base" or written == "view"):
                t.register_hook(lambda g, n=name: seen.append((n, "after", g.tolist())))
        ({"base": x, "view": v}[used] * 5).sum().backward()
        return sorted(seen), w.grad, x.grad, v.grad, x.retains_grad, v.retains_grad

    same(torch, f, warns=False)


@pytest.mark.parametrize(
    "cut",
    [
        lambda x: x[1:],
        lambda x: x.t()[0],
        lambda x: x.diagonal(),
        lambda x: x.view(-1)[2:].as_strided((2, 2), (3, 1)),
        lambda x: x.unfold(0, 2, 2)[0],
        lambda x: x.narrow(1, 1, 2).movedim(0, 1),
        lambda x: x.select(0, 1).unsqueeze(0).expand(1, 3),
    ],
)
def test_second_derivatives_through_writes(cut: Any) -> None:
    def f(lib: Any) -> Any:
        w = leaf(lib, 3, 3)
        x = w * w
        other = x[:, 1]
        v = cut(x)
        v.mul_(v.detach() + 2)
        v.sin_()
        x[1] = x[0] * other
        (g,) = lib.autograd.grad((x * x).sum() + (v * other.sum()).sum(), [w], create_graph=True)
        (gg,) = lib.autograd.grad((g * g).sum(), [w])
        return (g * 1e6).round(), (gg / gg.abs().max() * 1e9).round()

    same(torch, f)


def test_parts_of_unsafe_split_have_a_count_of_their_own() -> None:
    def f(lib: Any) -> Any:
        x = leaf(lib, 4) * 1
        y = x * x
        a, b = x.unsafe_split(2)
        a.add_(10)
        (a.sum() + b.sum()).backward(retain_graph=True)
        return x, x._version, a._version, a.grad_fn, b.grad_fn, y.sum()

    same(torch, f)


def test_what_was_cut_from_one_of_several_is_refused_once_the_memory_is_written() -> None:
    def f(lib: Any) -> Any:
        first, second = lib.arange(4.0).add(1).chunk(2)
        first.requires_grad_()
        below = [first.as_strided((2, 2), (1, 0)), first[:1]]
        second.log_()
        return [used(lambda t=t: t * 1) for t in (*below, first)]

    def used(call: Any) -> str:
        try:
            call()
        except RuntimeError:
            return REFUSED
        return "used"

    assert same(torch, f) == [REFUSED, REFUSED, "used"]


def test_numpy_of_what_requires_grad() -> None:
    def f(lib: Any) -> Any:
        x = leaf(lib, 3)
        with lib.no_grad():
            return x.numpy().tolist(), x[:2].numpy().tolist()

    same(torch, f)


@pytest.mark.parametrize("leaf", [False, True])
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("how", ["", "plain", "view", "data", "no_grad", "recorded"])
def test_views_of_a_base_that_leaves_the_graph_lose_their_gradient_when_it_is_written(
    leaf: bool, before: bool, how: str
) -> None:
    def f(lib: Any) -> Any:
        a = lib.tensor([1.0, 2.0, 3.0], requires_grad=True)
        b = a if leaf else a * 2
        v, u = b[:2], b[1:]
        if before and not leaf:
            b.mul_(2)
        b = b.requires_grad_(False) if leaf else b.detach_()
        other = lib.ones(3, requires_grad=True)
        if how == "plain":
            b.mul_(3)
        elif how == "view":
            b[1:].mul_(3)
        elif how == "data":
            b.data.mul_(3)
        elif how == "no_grad":
            with lib.no_grad():
                b.mul_(3)
        elif how == "recorded":
            b.mul_(other)
        said = [(t.requires_grad, t.is_leaf, t.grad_fn is None) for t in (b, v, u)]
        y = (v * 5).sum() + u.sum()
        y.backward()
        return said, [None if t.grad is None else t.grad.tolist() for t in (a, other)]

    same(torch, f, warns=False)


def test_hooks_on_the_way_to_a_written_view_are_no_longer_on_it() -> None:
    def f(lib: Any) -> Any:
        a = lib.arange(6.0).requires_grad_()
        b = (a * 2).reshape(2, 3)
        v = b.transpose(0, 1)
        w = v[1:]
        seen: list[Any] = []
        v.register_hook(lambda g: g * 10)
        w.register_hook(lambda g: seen.append(g.tolist()))
        w.mul_(3)
        (v.sum() + b.sum() * 5).backward()
        return a.grad.tolist(), seen

    same(torch, f)

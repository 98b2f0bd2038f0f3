"""Recurrent networks where a row of the table does not reach: packed sequences, what a backward needs, freed
memory; and nn.utils.rnn."""

from __future__ import annotations

import gc
import weakref

import pytest

import tapegrad
from tests.nn.programs import compare, raised

torch = pytest.importorskip("torch")
NETS = ("RNN", "LSTM", "GRU")


def sequences(t, *lengths):
    return [t.randn(n, 3, dtype=t.float64, requires_grad=True) for n in lengths]


def packing(t):
    U, log = t.nn.utils.rnn, []
    for lengths, in_order in (((4, 3, 3, 1), True), ((2, 4, 1), False), ((3,), True)):
        given = sequences(t, *lengths)
        for first in (True, False):
            padded = U.pad_sequence(given, batch_first=first)
            packed = U.pack_padded_sequence(padded, t.tensor(lengths), first, in_order)
            back, known = U.pad_packed_sequence(packed, first, 0.5, 5)
            (back * back).sum().backward()
            log += [padded, list(packed), packed.data.requires_grad, back, known, [s.grad for s in given]]
        packed = U.pack_sequence(given, enforce_sorted=in_order)
        log += [
            list(packed),
            U.unpack_sequence(packed),
            [*map(list, (packed.float(), packed.to(t.float16)))],
        ]
        log += [U.pad_sequence(given, padding_value=2.0, padding_side="left"), packed.is_cuda]
        log += [U.unpad_sequence(U.pad_sequence(given, True), t.tensor(lengths), True)]
    log += [U.invert_permutation(t.tensor([2, 0, 1])), list(U.PackedSequence((t.ones(2), t.tensor([1, 1]))))]
    return log


def refusals(t):
    U, two = t.nn.utils.rnn, t.zeros(2, 3)
    pack = U.pack_padded_sequence
    bad = [
        lambda: pack(two, [1, 2, 2]),
        lambda: pack(two, [2, 1]),
        lambda: pack(two, [2, 1, 0]),
        lambda: pack(t.zeros(0, 2), [1, 1]),
        lambda: U.pad_packed_sequence(pack(two, [2, 2, 1]), total_length=1),
        lambda: U.pad_sequence([]),
        lambda: U.pad_sequence([two, t.zeros(2, 4)]),
        lambda: U.pad_sequence([two], padding_side="up"),
        lambda: U.pad_sequence(3),
        lambda: U.PackedSequence(two),
        lambda: t.nn.GRU(2, 2)(pack(two, [2, 2, 1])),
        lambda: t.nn.GRU(3, 2)(pack(t.zeros(2, 2, 3), [2, 2]), t.zeros(1, 3, 2)),
    ]
    return [raised(f) for f in bad]


@pytest.mark.parametrize("name", NETS)
def test_packed_sequences(name):
    def program(t):
        log = []
        for how in ({}, {"bidirectional": True, "num_layers": 2}, {"bidirectional": True, "bias": False}):
            net = getattr(t.nn, name)(3, 4, dtype=t.float64, **how)
            for lengths, in_order in (((4, 3, 3, 1), True), ((2, 4, 1), False)):
                given = sequences(t, *lengths)
                packed = t.nn.utils.rnn.pack_sequence(given, enforce_sorted=in_order)
                n = how.get("num_layers", 1) * (2 if "bidirectional" in how else 1)
                h = t.randn(n, len(lengths), 4, dtype=t.float64, requires_grad=True)
                hx = (h, h * 2) if name == "LSTM" else h
                y, last = net(packed, hx)
                states = last if name == "LSTM" else (last,)
                total = (y.data**2).sum() + sum((s**3).sum() for s in states)
                asked = [*given, h, *net.parameters()]
                gs = t.autograd.grad(total, asked, create_graph=True)
                again = t.autograd.grad(sum((g * g).sum() for g in gs), asked)
                log += [list(y), list(states), [g.detach() for g in gs], list(again)]
        return log

    compare(program, torch)


def attributes(t):
    net, h = t.nn.LSTM(3, 4), t.zeros(1, 2, 4)
    log = [net._flat_weights_names, net.all_weights, net.proj_size, net.mode, net.dropout]
    return [*log, net.flatten_parameters(), net(t.randn(5, 2, 3), (h, h)), len(net._flat_weights)]


@pytest.mark.parametrize("program", [packing, refusals, attributes])
def test_as_torch(program):
    compare(program, torch)


@pytest.mark.parametrize("name", NETS)
def test_transforms_and_modes(name):
    t = tapegrad
    net = getattr(t.nn, name)(3, 4, bidirectional=True, dtype=t.float64)
    x = t.randn(2, 5, 3, dtype=t.float64)
    many = t.vmap(lambda a: net(a)[0])(x)
    assert t.allclose(many, t.stack([net(a)[0] for a in x]))

    def f(a):
        return net(a)[0].square().sum()

    _, tangent = t.func.jvp(f, (x[0],), (x[1],))
    assert t.allclose(tangent, (t.func.grad(f)(x[0]) * x[1]).sum())
    with t.no_grad():
        assert t.equal(net(x[0])[0], net(x[0])[0].detach())
    half = net.bfloat16()(x[0].bfloat16())[0]
    assert half.dtype is t.bfloat16 and t.allclose(half.double(), many[0], atol=0.05)


def test_a_backward_twice_and_a_write_before_it():
    t = tapegrad
    net, x = t.nn.LSTM(3, 4), t.randn(5, 2, 3, requires_grad=True)
    y, _ = net(x)
    first = t.autograd.grad(y.sum(), x, retain_graph=True)[0]
    assert t.equal(t.autograd.grad(y.sum(), x)[0], first)
    with pytest.raises(RuntimeError, match="already used and freed"):
        t.autograd.grad(y.sum(), x)
    y, _ = net(x)
    with t.no_grad():
        net.weight_hh_l0.mul_(2)
    with pytest.raises(RuntimeError, match="written in place"):
        y.sum().backward()


def test_memory_is_freed_without_the_collector():
    t = tapegrad
    net, x = t.nn.GRU(3, 4, bidirectional=True), t.randn(5, 2, 3)
    gc.disable()
    try:
        y, _ = net(x)
        held = weakref.ref(x.numpy())
        y.sum().backward(retain_graph=True)
        del x, y
        assert held() is None
    finally:
        gc.enable()


def test_checkpoint_and_saved_tensor_hooks():
    t = tapegrad
    net, x = t.nn.LSTM(3, 4, num_layers=2), t.randn(5, 2, 3, requires_grad=True)

    def gradient(f):
        return t.autograd.grad(f(x).square().sum(), [x, *net.parameters()])

    plain = gradient(lambda a: net(a)[0])
    again = gradient(lambda a: t.utils.checkpoint.checkpoint(lambda b: net(b)[0], a, use_reentrant=False))
    with t.autograd.graph.saved_tensors_hooks(lambda a: a.clone(), lambda a: a):
        hooked = gradient(lambda a: net(a)[0])
    for a, b, c in zip(plain, again, hooked, strict=True):
        assert t.equal(a, b) and t.allclose(a, c, atol=1e-6)

"""Functions of networks in torch's own forms, such as torch.layer_norm: arguments land where they belong."""

from __future__ import annotations

import numpy as np
import pytest

import tapegrad
from tests.nn.programs import compare, raised

torch = pytest.importorskip("torch")


def dropouts(t):
    log, x = [], t.randn(4, 6, 3)
    for name in ("dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"):
        for p, train in ((0.3, True), (0.3, False), (1.0, True)):
            log += [getattr(t, name)(x, p, train), getattr(t, f"{name}_")(x.clone(), p, train)]
        log.append(raised(lambda name=name: getattr(t, name)(x, 1.5, True)))
    return log


def norms(t):
    x, w, b = t.randn(3, 4, 5), t.randn(4), t.randn(4)
    mean, var = t.zeros(4), t.ones(4)
    log = [t.layer_norm(x, (5,)), t.layer_norm(x, (4, 5), t.randn(4, 5), t.randn(4, 5), 0.1, False)]
    log += [t.group_norm(x, 2, w, b, 0.1), t.rms_norm(x, (5,), t.randn(5), 0.1)]
    log += [t.batch_norm(x, w, b, mean, var, True, 0.3, 0.1, False), mean, var]
    log += [t.batch_norm(x, w, b, mean, var, False, 0.3, 0.1, False)]
    return [*log, t.instance_norm(x, w, b, mean, var, True, 0.3, 0.1, False), mean, var]


def tables(t):
    table, at = t.randn(5, 3, requires_grad=True), t.tensor([[0, 4], [1, 1]])
    log = []
    for how in ({}, {"padding_idx": 1}, {"scale_grad_by_freq": True}):
        y = t.embedding(table, at, **how)
        log += [y, t.autograd.grad((y * y).sum(), table)[0]]
    written = table.detach().clone()
    return [*log, t.embedding_renorm_(written, at, 1.0, 2.0), written]


def bags(t):
    table, at, starts = (
        t.randn(6, 3, requires_grad=True),
        t.tensor([1, 2, 3, 0, 5, 5]),
        t.tensor([0, 2, 2, 4]),
    )
    log = []
    for how in ((False, 0), (True, 0), (False, 1), (True, 1), (False, 2)):
        for more in ((), (False, None, False, 5), (False, None, False, -6)):
            for numbers in (at, at.int()):
                y, *facts = t.embedding_bag(table, numbers, starts.to(numbers.dtype), *how, *more)
                log += [y, *facts, t.autograd.grad((y * y).sum(), table)[0]]
    log += t.embedding_bag(table, at, starts, per_sample_weights=t.randn(6))
    log += t.embedding_bag(table.double(), at, t.tensor([0, 2, 6]), include_last_offset=True)
    log += t.embedding_bag(table, at, t.tensor([0, 2, 6]), False, 0, include_last_offset=True)
    log += t.embedding_bag(table, at[:0], t.tensor([0, 0]), False, 2)
    wrong = [(at, starts, False, 7), (at, starts + 1), (at + 1, starts), (at.float(), starts)]
    wrong += [(at, starts, False, 1, False, t.ones(6)), (at, starts, False, 0, False, None, False, 9)]
    wrong += [(at, starts, False, 0, False, t.ones(5))]
    return log + [raised(lambda args=args: t.embedding_bag(table, *args)) for args in wrong]


def losses(t):
    a, b, c, log = t.randn(3, 4), t.rand(3, 4), t.randn(3, 4), []
    signs = t.tensor([1.0, -1.0, 1.0])
    for r in (0, 1, 2):
        log += [t.kl_div(a, b, r), t.kl_div(a, c, reduction=r, log_target=True)]
        log += [t.hinge_embedding_loss(a[:, 0], signs, 0.3, r), t.cosine_embedding_loss(a, b, signs, 0.1, r)]
        log += [t.margin_ranking_loss(a[:, 0], b[:, 0], signs, 0.3, r)]
        log += [
            t.triplet_margin_loss(a, b, c, 2.0, 2, 1e-6, True, r),
            t.poisson_nll_loss(a, b, True, True, 0.1, r),
        ]
        log += [t.binary_cross_entropy_with_logits(a, b, c.abs(), b + 1, r)]
        log += [t.ctc_loss(t.randn(6, 2, 5), t.tensor([[1, 2], [3, 3]]), (6, 5), (2, 1), 0, r, True)]
    return [*log, t.bilinear(a, b, t.randn(2, 4, 4), t.randn(2))]


def recurrent(t):
    log, x, h = [], t.randn(5, 2, 3), t.randn(1, 2, 4)
    for name, gates, states in (("rnn_tanh", 1, 1), ("rnn_relu", 1, 1), ("gru", 3, 1), ("lstm", 4, 2)):
        params = (t.randn(4 * gates, 3), t.randn(4 * gates, 4), t.randn(4 * gates), t.randn(4 * gates))
        hx = (h, h + 1) if states == 2 else h
        log += [getattr(t, name)(x, hx, params, True, 1, 0.0, False, False, False)]
        log += [getattr(t, name)(x, hx, params[:2], False, 1, 0.0, False, False, False)]
        hx = (h[0], h[0] + 1) if states == 2 else h[0]
        log += [
            getattr(t, f"{name}_cell")(x[0], hx, *params),
            getattr(t, f"{name}_cell")(x[0], hx, *params[:2]),
        ]
        log += [raised(lambda name=name: getattr(t, name)(x))]
    return log


@pytest.mark.parametrize("program", [dropouts, norms, tables, bags, losses, recurrent])
def test_as_torch(program):
    compare(program, torch)


def test_an_unknown_reduction_is_refused():
    a = tapegrad.ones(2)
    with pytest.raises(ValueError, match="reduction is 3"):
        tapegrad.kl_div(a, a, 3)


def test_instance_norm_takes_running_moments_of_another_dtype():
    x, mean, var = tapegrad.randn(2, 4, 3), tapegrad.rand(4), tapegrad.rand(4) + 0.5
    wanted = tapegrad.nn.functional.instance_norm(x, mean, var, use_input_stats=False)
    found = tapegrad.nn.functional.instance_norm(x, mean.double(), var.double(), use_input_stats=False)
    assert found.dtype is tapegrad.float32 and found.equal(wanted)
    with pytest.raises(RuntimeError, match="must be equal"):
        tapegrad.nn.functional.instance_norm(x, mean.double(), var.double())


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_masks_of_float32_serve_attention_in_another_dtype(dtype):
    found = []
    for lib in (tapegrad, torch):
        lib.manual_seed(0)
        q, k = (lib.randn(2, n, 4).to(getattr(lib, dtype)) for n in (3, 5))
        mask = lib.randn(3, 5)
        y = lib.nn.functional.scaled_dot_product_attention(q, k, k, attn_mask=mask)
        assert y.dtype == getattr(lib, dtype)
        found.append(y.double().numpy())
        with pytest.raises(RuntimeError, match="attn_mask"):
            lib.nn.functional.scaled_dot_product_attention(q, k, k, attn_mask=mask.long())
    np.testing.assert_allclose(*found, atol=1e-14 if dtype == "float64" else 2e-3)


def test_logits_and_targets_count_in_their_own_dtypes():
    found = []
    for lib in (tapegrad, torch):
        lib.manual_seed(0)
        x, y = lib.randn(50, requires_grad=True), lib.rand(50, dtype=lib.float64)
        loss = lib.nn.functional.binary_cross_entropy_with_logits(x, y, reduction="none")
        assert loss.dtype == lib.float64
        found.append((loss.detach().numpy(), *(g.numpy() for g in lib.autograd.grad(loss.sum(), x))))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=3e-7, atol=3e-7)

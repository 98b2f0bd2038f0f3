"""Attention and transformers where a row of the table does not reach: one input for all three, hints, padding
that torch leaves out, subclasses."""

from __future__ import annotations

import pytest

import tapegrad
from tests.nn.programs import compare, raised

torch = pytest.importorskip("torch")


def one_input(t):
    """Query, key and value are one tensor, or two: torch projects them in one product each."""
    m = t.nn.MultiheadAttention(4, 2)
    a, b, log = t.randn(3, 2, 4, requires_grad=True), t.randn(5, 2, 4, requires_grad=True), []
    for args in ((a, a, a), (a, b, b), (a, a, a.clone()), (a[:, 0], a[:, 0], a[:, 0])):
        y, w = m(*args)
        gs = t.autograd.grad((y * y).sum() + w.std(), [a, b, *m.parameters()], allow_unused=True)
        log += [y, w, [g if g is None else g.detach() for g in gs]]
    for flag in (True, False):
        turned = t.nn.MultiheadAttention(4, 2, batch_first=True)
        log.append(turned(a, a, a, need_weights=flag))
    return log


def given_keys(t):
    F, log = t.nn.functional, []
    m, q = t.nn.MultiheadAttention(4, 2), t.randn(3, 2, 4)
    for k, v in ((t.randn(4, 6, 2), t.randn(4, 6, 2)), (t.randn(4, 3, 2), None)):
        log.append(
            F.multi_head_attention_forward(
                *(q, q, q, 4, 2, m.in_proj_weight, m.in_proj_bias, None, None, False, 0.0),
                *(m.out_proj.weight, m.out_proj.bias),
                static_k=k,
                static_v=v,
            )
        )
    return log


def padding_left_out(t):
    log = []
    layer = t.nn.TransformerEncoderLayer(4, 2, 6, batch_first=True)
    net = t.nn.TransformerEncoder(layer, 2, t.nn.LayerNorm(4)).eval()
    x = t.randn(2, 3, 4)
    for mask in ([[False] * 3, [False, False, True]], [[False] * 3, [False, True, False]]):
        padding = t.tensor(mask)
        log += [net(x, src_key_padding_mask=padding)]
        with t.no_grad():
            log += [net(x, src_key_padding_mask=padding), net(x, t.zeros(3, 3).bool(), padding)]
    return log


def masks(t):
    mask = t.nn.Transformer.generate_square_subsequent_mask(3)
    net = t.nn.TransformerEncoder(t.nn.TransformerEncoderLayer(4, 1, 6, 0.0), 1, enable_nested_tensor=False)
    x = t.randn(3, 2, 4)
    decoder = t.nn.TransformerDecoder(t.nn.TransformerDecoderLayer(4, 1, 6, 0.0), 2)
    log = [mask, mask.dtype, net(x, mask), net(x, mask, is_causal=True), net(x, mask * 2, is_causal=False)]
    return [*log, decoder(x, x, tgt_mask=mask), decoder(x, x, mask, tgt_is_causal=True)]


def changed(t):
    class Louder(t.nn.TransformerEncoderLayer):
        def _ff_block(self, x):
            return super()._ff_block(x) * 2

    net = t.nn.TransformerEncoder(Louder(4, 2, 6, 0.0, t.nn.SiLU(), batch_first=True), 2, None, False)
    bad = raised(lambda: t.nn.TransformerEncoderLayer(4, 2, activation="tanh"))
    return [repr(net), list(net.state_dict()), net(t.randn(2, 3, 4)), bad]


@pytest.mark.parametrize("program", [one_input, given_keys, padding_left_out, masks, changed])
def test_as_torch(program):
    compare(program, torch)


def test_attention_in_vmap_and_under_create_graph():
    q = tapegrad.randn(3, 2, 4, 5, dtype=tapegrad.float64)
    attend = tapegrad.nn.functional.scaled_dot_product_attention
    both = tapegrad.vmap(lambda a: attend(a, a, a, is_causal=True))(q)
    assert tapegrad.allclose(both, attend(q, q, q, is_causal=True))
    assert tapegrad.autograd.gradgradcheck(lambda a: attend(a, a, a), q[0, 0].clone().requires_grad_())

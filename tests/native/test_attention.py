"""Attention in machine code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad as torch
import tapegrad.kernels.attention as A
from tapegrad.func import jvp, vmap
from tapegrad.native import choice
from tapegrad.nn.functional import scaled_dot_product_attention
from tests.native.arrays import DTYPES, LAYOUTS, awake, close, drawn

SIZES = st.sampled_from([1, 2, 5, 8, 13, 16, 17, 33, 64])
MASKS = st.sampled_from(["none", "causal", "row", "one", "of each"])


@pytest.fixture(autouse=True)
def tier(monkeypatch):
    awake()
    monkeypatch.setattr("tapegrad.native.kernels.attention.LEAST", 1)


def mask_of(kind, lead, queries, keys, dtype):
    shape = {"row": (1, keys), "one": (queries, keys), "of each": (*lead, queries, keys)}.get(kind)
    if shape is None:
        return None
    mask = drawn(shape, dtype, seed=4)
    mask[mask > 2] = -np.inf
    mask[..., 0, :] = -np.inf  # a query that no key is left for
    return mask


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from([1, 2, 3]), max_size=2), SIZES, SIZES, SIZES, SIZES, MASKS, DTYPES, LAYOUTS)
def test_attention_and_its_gradient(lead, queries, keys, size, value, kind, dtype, layout):
    q, k = drawn((*lead, queries, size), dtype, layout), drawn((*lead, keys, size), dtype, layout, seed=1)
    v = drawn((*lead, keys, value), dtype, layout, seed=2)
    g = drawn((*lead, queries, value), dtype, layout, seed=3)
    given_ = q, k, v, mask_of(kind, lead, queries, keys, dtype), kind == "causal", 0.3
    digits = 2e-5 if dtype == "f4" else 1e-12
    close(A.attention(*given_), choice.original(A.attention)(*given_), digits)
    found, wanted = A.attention_vjp((1, 1, 1), g, *given_), choice.original(A.attention_vjp)((), g, *given_)
    for a, b in zip(found, wanted, strict=True):
        close(a, b, digits)


def test_nan_stays_with_its_query():
    q, k, v = (drawn((2, 20, 8), "f4", seed=i) for i in range(3))
    q[0, 3, 2] = np.nan
    y = A.attention(q, k, v, None, False, 1.0)
    assert np.isnan(y[0, 3]).all()
    assert np.isnan(y).sum() == 8


def test_equal_runs_give_equal_bits():
    q, k, v = (drawn((4, 100, 32), "f4", seed=i) for i in range(3))
    assert (A.attention(q, k, v, None, True, 0.2) == A.attention(q, k, v, None, True, 0.2)).all()


# ---- the op that many weights take


def tensors(n=160):
    torch.manual_seed(0)
    return [torch.randn(2, n, 8, dtype=torch.float64, requires_grad=True) for _ in range(3)]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_one_node_gives_what_several_give(causal, masked):
    if causal and masked:
        pytest.skip("only one of them can be given")
    mask = torch.rand(160, 160) < 0.5 if masked else None
    results = []
    for n in (160, 16):  # 16 rows of queries at a time are too few for the one node
        q, k, v = tensors()
        parts = range(0, 160, n)
        if causal and n == 16:
            ys = [
                scaled_dot_product_attention(
                    *(q[:, i : i + n], k, v), attn_mask=torch.ones(160, 160).tril()[i : i + n] > 0
                )
                for i in parts
            ]
        else:
            ys = [
                scaled_dot_product_attention(
                    q[:, i : i + n], k, v, None if mask is None else mask[i : i + n], is_causal=causal
                )
                for i in parts
            ]
        y = torch.cat(ys, 1)
        first = torch.autograd.grad((y * y).sum(), (q, k, v), create_graph=True)
        second = torch.autograd.grad(sum((g * g).sum() for g in first), (q, k, v))
        results.append([t.detach().numpy() for t in (y, *first, *second)])
        assert ("Attention" in type(ys[0].grad_fn).__name__) is (n == 160)
    for one, several in zip(*results, strict=True):
        close(one, several, 1e-11)


def test_transforms():
    q, k, v = (t.detach() for t in tensors())
    both = vmap(lambda a: scaled_dot_product_attention(a, k, v))(torch.stack([q, -q]))
    close(both[1].numpy(), scaled_dot_product_attention(-q, k, v).numpy())
    _, slope = jvp(lambda a: scaled_dot_product_attention(q, k, a), (v,), (v,))
    close(slope.numpy(), scaled_dot_product_attention(q, k, v).numpy())


def test_shapes_that_do_not_fit_raise():
    q, k, v = tensors()
    with pytest.raises(RuntimeError, match="leading dimensions"):
        scaled_dot_product_attention(q, k[:, :100], v[:, :100], torch.zeros(160, 99, dtype=torch.float64))

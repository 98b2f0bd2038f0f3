"""Arrays with short rows: turned, written out, put together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad as torch
import tapegrad.kernels.arrange as A
import tapegrad.kernels.reduce as R
import tapegrad.kernels.sort as sort
from tapegrad import kernels as K
from tapegrad import tiers
from tapegrad.native import choice, narrow, pointwise
from tests.native.arrays import DTYPES, ODD, awake, drawn

WIDTHS = st.integers(2, narrow.MOST)
ROWS = st.integers(1, 70) | st.sampled_from([511, 512, 513, 1100])


@pytest.fixture(autouse=True)
def tier(monkeypatch):
    awake()
    monkeypatch.setattr(pointwise, "_LEAST_NARROW", 1)


@settings(max_examples=150, deadline=None)
@given(ROWS, WIDTHS, st.sampled_from(["f4", "f8", "i4", "i8"]), ODD)
def test_turning_moves_every_bit(rows, k, dtype, odd):
    x = drawn((rows, k), dtype, odd=None if dtype[0] == "i" else odd)
    columns = narrow.columns(x)
    assert columns.shape == (k, rows)
    assert columns.tobytes() == x.T.tobytes()
    back = narrow.rows_of(columns, x.shape)
    assert back.shape == x.shape
    assert back.tobytes() == x.tobytes()
    assert narrow.repeated(columns[0], k).tobytes() == columns[0].repeat(k).tobytes()


def test_only_what_is_narrow_is():
    good = np.ones((narrow.LEAST, 3), "f4")
    assert narrow.is_narrow(good)
    assert narrow.is_narrow(good.reshape(-1, 2, 3))
    for x in (good[:-1], good[:, :2], good.astype("?"), good.astype("c16"), good.reshape(-1), good[0, 0]):
        assert not narrow.is_narrow(x)
    assert not narrow.is_narrow(np.ones((1000, 1), "f4"))
    assert not narrow.is_narrow(np.ones((1000, narrow.MOST + 1), "f4"))
    assert not narrow.is_narrow(np.ones((1000, 0), "f4"))


TEXTS = {
    "a + b": lambda a, b, c: a + b,
    "a * b - c": lambda a, b, c: a * b - c,
    "(a < b) & (b < c)": lambda a, b, c: (a < b) & (b < c),
    "a < b ? b : c": lambda a, b, c: np.where(a < b, b, c),
}
KERNELS = {text: pointwise.Pointwise(f"narrow_{i}", text, "abc") for i, text in enumerate(TEXTS)}


def operand(how, rows, k, dtype, seed):
    """An array that broadcasts to [rows, k]."""
    shape = {"row": (k,), "rows": (1, k), "column": (rows, 1), "one": (), "part": (rows, k + 1)}.get(
        how, (rows, k)
    )
    x = drawn(shape, dtype, seed=seed) if shape else np.array(1.5, dtype)
    return x[:, 1:2] if how == "part" else x


HOW = st.sampled_from(["all", "row", "rows", "column", "one", "part"])


@pytest.mark.parametrize("text", TEXTS)
@settings(max_examples=60, deadline=None)
@given(ROWS, WIDTHS, DTYPES, st.tuples(HOW, HOW, HOW))
def test_short_rows_are_put_together(text, rows, k, dtype, how):
    xs = [operand(h, rows, k, dtype, i) for i, h in enumerate(how)]
    xs[0] = drawn((rows, k), dtype, seed=9)
    found, wanted = KERNELS[text](*xs), TEXTS[text](*xs)
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    np.testing.assert_array_equal(found, wanted)


def test_operands_of_one_byte_and_of_several_rows_take_another_way():
    x, column = drawn((700, 3), "f4"), np.arange(700)[:, None] % 2 == 0
    np.testing.assert_array_equal(
        KERNELS["a < b ? b : c"](x, x[:, :1].copy(), x[0]), np.where(x < x[:, :1], x[:, :1], x[0])
    )
    np.testing.assert_array_equal(K.where(column, x, 0), np.where(column, x, 0))
    blocks, each = x.reshape(7, 100, 3), drawn((7, 1, 3), "f4", seed=1)
    np.testing.assert_array_equal(KERNELS["a + b"](blocks, each, each), blocks + each)
    per = drawn((7, 1, 1), "f4", seed=2)
    np.testing.assert_array_equal(KERNELS["a + b"](blocks, per, per), blocks + per)


def test_into_an_array():
    x, row, column = drawn((700, 3), "f4"), drawn((3,), "f4", seed=1), drawn((700, 1), "f4", seed=2)
    wanted = x + row
    assert KERNELS["a + b"].into(x, x, row, row)
    np.testing.assert_array_equal(x, wanted)
    wanted = x + column
    assert KERNELS["a + b"].into(x, x, column, column)
    np.testing.assert_array_equal(x, wanted)


@settings(max_examples=80, deadline=None)
@given(ROWS, WIDTHS, st.sampled_from(["f4", "f8", "i8", "i4", "u1", "?"]), st.booleans(), ODD)
def test_numpy_reduces_short_rows_by_columns(rows, k, dtype, keepdim, odd):
    x = drawn((2, rows, k), dtype if dtype[0] in "fi" else "f4", odd=odd if dtype[0] == "f" else None)
    x = (x > 0) if dtype == "?" else (x * 9).astype(dtype) if dtype == "u1" else x
    for kernel, ufunc in (
        (R.all, np.logical_and),
        (R.any, np.logical_or),
        (R.amax, np.maximum),
        (R.amin, np.minimum),
        (R.prod, np.multiply),
        (R.sum, np.add),
    ):
        if dtype == "?" and kernel in (R.prod, R.sum):
            continue  # they are of whole numbers
        kind = None if ufunc in (np.logical_and, np.logical_or) else x.dtype
        with np.errstate(all="ignore"):
            found = choice.original(kernel)(x, (2,), keepdim)
            wanted = ufunc.reduce(x, axis=2, keepdims=keepdim, dtype=kind)
        assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
        if ufunc is np.add and dtype[0] == "f":
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-4)
        else:
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dim", [None, 0, 1, 2])
@pytest.mark.parametrize("times", [0, 1, 2, 3, 16, 17])
def test_repeat_interleave(dim, times):
    x = drawn((40, 50, 3), "f4")
    np.testing.assert_array_equal(
        A.repeat_each(x.reshape(-1) if dim is None else x, times, dim or 0), x.repeat(times, dim)
    )
    t = torch.tensor(x, requires_grad=True)
    y = t.repeat_interleave(times, dim)
    y.backward(torch.ones_like(y))
    np.testing.assert_array_equal(t.grad.numpy(), np.full_like(x, times))


@settings(max_examples=150, deadline=None)
@given(
    WIDTHS,
    st.integers(narrow.LEAST, 600),
    st.sampled_from(["f4", "f8", "i4", "i8"]),
    st.booleans(),
    st.data(),
    st.integers(0, 99),
)
def test_sorting_keeps_the_order_of_equal_elements(k, rows, dtype, down, data, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(-2, 3, (rows, k)).astype(dtype)
    if dtype[0] == "f":
        x[rng.random(x.shape) < 0.1] = np.nan
        x[rng.random(x.shape) < 0.1] = -0.0
        x[rng.random(x.shape) < 0.1] = -np.inf if down else np.inf
    many, place = data.draw(st.integers(1, k)), data.draw(st.integers(0, k - 1))
    before = tiers.native_calls()
    found = [sort.argsort(x, 1, down), sort.topk(x, 1, many, down), sort.kth_at(x, 1, place)]
    assert tiers.native_calls() >= before + 3
    wanted = choice.original(sort.argsort)(x, 1, down)
    np.testing.assert_array_equal(found[0], wanted)
    np.testing.assert_array_equal(found[1], wanted[:, :many])
    up = choice.original(sort.argsort)(x, 1, False)
    np.testing.assert_array_equal(found[2], up[:, place : place + 1])


SIDES = st.lists(st.sampled_from([1, 2, 3, 5, 16, 17, 70, 130]), min_size=1, max_size=4)


def broadcast(rng, shape, dtype):
    """An array that broadcasts to a shape: with gaps, steps, turned, repeated."""
    own = [n if rng.random() < 0.6 else 1 for n in shape]
    own = own[rng.integers(0, len(own) + 1) :] if rng.random() < 0.5 else own
    how = rng.choice(["plain", "gaps", "steps", "turned", "repeated"])
    if not own:
        return np.array(2, dtype)
    if how == "turned":
        return np.moveaxis(rng.normal(size=own[-1:] + own[:-1]).astype(dtype), 0, -1)
    x = rng.normal(size=[2 * n + 2 for n in own]).astype(dtype)
    if how == "gaps":
        return x[tuple(slice(1, 1 + n) for n in own)]
    if how == "steps":
        return x[tuple(slice(0, 2 * n, 2) for n in own)]
    x = x[tuple(slice(n) for n in own)].copy()
    return np.broadcast_to(x[tuple(slice(1) for _ in own)], own) if how == "repeated" else x


def runs(x, shape):
    """Along how many groups of neighbouring axes of a shape x is not one and the same."""
    steps = np.broadcast_to(x, shape).strides
    along = [s != 0 for s, n in zip(steps, shape, strict=True) if n > 1]
    return sum(b and not a for a, b in zip([False, *along], along, strict=False))


@settings(max_examples=400, deadline=None)
@given(SIDES, DTYPES, st.integers(0, 1 << 30))
def test_any_layouts_that_broadcast(shape, dtype, seed):
    if np.prod(shape) > 100_000:
        return
    rng = np.random.default_rng(seed)
    xs = [broadcast(rng, shape, dtype) for _ in range(3)]
    wanted = np.where(xs[0] < xs[1], xs[1], xs[2])
    found = KERNELS["a < b ? b : c"](*xs)
    if found is None:  # one runs along an axis, stands, and runs again
        assert any(runs(x, wanted.shape) > 1 for x in xs)
        return
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    np.testing.assert_array_equal(found, wanted)


def test_pairs_of_points_and_views_are_machine_code():
    points, others = drawn((90, 1, 3), "f4"), drawn((1, 80, 3), "f4", seed=1)
    image = drawn((40, 70, 90), "f4")
    add = KERNELS["a + b"]
    for a, b in (
        (points, others),
        (others, points),
        (image[:, 1:, 1:], image[:, :-1, :-1]),
        (image.transpose(2, 0, 1), image.transpose(2, 0, 1)),
        (image[..., ::2], image[..., 1::2]),
        (image[:, :69, :69], image[:, :69, :69].swapaxes(1, 2)),
    ):
        before = tiers.native_calls()
        np.testing.assert_array_equal(add(a, b, b), a + b)
        assert tiers.native_calls() > before
    turned = image.transpose(2, 0, 1)
    assert add(turned, turned, turned).strides == turned.strides


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 40), WIDTHS, st.integers(1, 80), st.sampled_from(["f4", "f8"]))
def test_tiles(rows, k, times, dtype):
    x = drawn((rows, k), dtype)
    np.testing.assert_array_equal(narrow.tiled(x, times), np.tile(x, (1, times)))


@pytest.mark.parametrize("k", [2, 3, 10, 16, 17])
def test_dots_of_rows(k):
    x, y = drawn((3000, k), "f4"), drawn((3000, k), "f4", seed=1)
    a, b = (torch.tensor(v, requires_grad=True) for v in (x, y))
    found = torch.einsum("ni,ni->n", a, b)
    np.testing.assert_allclose(found.detach().numpy(), (x.astype("f8") * y).sum(1), rtol=1e-5, atol=1e-5)
    found.sum().backward()
    np.testing.assert_array_equal(a.grad.numpy(), y)
    np.testing.assert_array_equal(b.grad.numpy(), x)


@pytest.mark.parametrize("k", [2, 3, 5, 16])
def test_a_second_call_is_for_its_own_operands(k):
    add = pointwise.Pointwise("again", "a * b + c", "abc")
    rng = np.random.default_rng(0)
    for rows in (2500, 2501, 2500):
        for dtype in ("f4", "f8", "f4"):
            x, row, column = (rng.normal(size=s).astype(dtype) for s in ((rows, k), (k,), (rows, 1)))
            for a, b, c in ((x, row, column), (row, column, x), (x, x, row), (x, column, column)):
                found = add(a, b, c)
                np.testing.assert_allclose(found, a * b + c, rtol=1e-5, atol=1e-6)
                assert found.dtype == dtype
    assert 0 < len(add._wide) <= pointwise._MOST_WIDE


def test_shapes_that_change_all_the_time_are_not_kept():
    add = pointwise.Pointwise("shapes", "a + b", "ab")
    row = np.ones(3, "f4")
    for n in range(1000, 1000 + pointwise._MOST_WIDE + 9):
        assert (add(np.full((n, 3), 2, "f4"), row) == 3).all()
    assert len(add._wide) <= pointwise._MOST_WIDE

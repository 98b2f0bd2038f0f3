"""Convolutions in machine code against the NumPy bodies."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tapegrad import tiers
from tapegrad.kernels import convolution as C
from tapegrad.native import choice
from tapegrad.native.ir import F32
from tapegrad.native.kernels import convolution, convolution_weight, folded, folded_weight

tiers.wake()
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())

few = st.integers(1, 4)
WAYS = (
    (folded, (convolution._forward, convolution._backward)),
    (folded_weight, (convolution_weight._plan,)),
)


@st.composite
def cases(draw):
    """(x, w, b, g, stride, padding, dilation, groups) of one to three dimensions."""
    n = draw(st.integers(1, 3))
    size = tuple(draw(st.integers(1, (40, 20, 8)[n - 1])) for _ in range(n))
    kernel, stride = (tuple(draw(few) for _ in range(n)) for _ in range(2))
    dilation = tuple(draw(st.integers(1, 3)) for _ in range(n))
    padding = tuple(draw(st.integers(0, 4)) for _ in range(n))
    out = C.result_size(size, kernel, stride, padding, dilation)
    assume(min(out) > 0)
    groups, images = draw(st.sampled_from([1, 1, 2, 3])), draw(st.integers(0, 3))
    inputs, outputs = groups * draw(few), groups * draw(st.integers(1, 9))
    rng, kind = np.random.default_rng(draw(st.integers(0, 99))), draw(st.sampled_from(["f4", "f8"]))

    def made(*shape):
        return rng.normal(size=shape).astype(kind)

    x, w = made(images, inputs, *size), made(outputs, inputs // groups, *kernel)
    b = made(outputs) if draw(st.booleans()) else None
    return x, w, b, made(images, outputs, *out), stride, padding, dilation, groups


def close(y, expected):
    assert y.dtype == expected.dtype and y.shape == expected.shape
    digits = 2e-5 if y.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(y, expected, rtol=digits, atol=digits * (1 + np.abs(expected).max(initial=0)))


@pytest.fixture(params=["swept", "folded"])
def way(request, monkeypatch):
    """Both ways to compute a convolution, whichever would be chosen."""
    for module, plans in WAYS:
        monkeypatch.setattr(module, "cost", lambda *_: 0.0 if request.param == "folded" else float("inf"))
        for plan in plans:
            plan.cache_clear()
    yield
    for _, plans in WAYS:
        for plan in plans:
            plan.cache_clear()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases())
def test_machine_code_is_the_body(case, way):
    x, w, b, g, *how, groups = case
    close(C.convolved(x, w, b, *how, groups), choice.original(C.convolved)(x, w, b, *how, groups))
    back = (g, w, None, *how, groups, x.shape[2:])
    close(C.convolved_back(*back), choice.original(C.convolved_back)(*back))
    weight = (g, x, *how, groups, w.shape[2:])
    close(C.convolved_weight(*weight), choice.original(C.convolved_weight)(*weight))
    both = C.convolved_both(g, x, w, *how, groups)
    if g.size:
        close(both[0], C.convolved_back(*back))
        close(both[1], C.convolved_weight(*weight))


@pytest.mark.parametrize(
    ("x", "w", "stride", "padding", "groups"),
    [
        ((1, 3, 300, 70), (5, 3, 3, 3), 1, 1, 1),  # bands
        ((2, 40, 50, 50), (7, 40, 3, 3), 2, 1, 1),
        ((1, 64, 7, 7), (33, 64, 3, 3), 1, 1, 1),  # blocks of channels
        ((2, 24, 20, 21), (24, 1, 5, 5), 2, 2, 24),
        ((3, 16, 9, 9), (32, 16, 1, 1), 2, 0, 1),
        ((1, 2, 40000), (3, 2, 9), 3, 4, 1),
        ((9, 40, 4, 4), (70, 40, 3, 3), 1, 1, 1),  # pieces of the sums, and of the places
        ((5, 300, 7, 7), (64, 300, 1, 1), 1, 0, 1),
        ((2, 3, 40, 41), (13, 3, 7, 7), 2, 3, 1),
    ],
)
def test_large(x, w, stride, padding, groups, way):
    rng = np.random.default_rng(0)
    n = len(x) - 2
    x, w = rng.normal(size=x).astype("f4"), rng.normal(size=w).astype("f4")
    how = ((stride,) * n, (padding,) * n, (1,) * n, groups)
    y = C.convolved(x, w, None, *how)
    close(y, choice.original(C.convolved)(x, w, None, *how))
    g = rng.normal(size=y.shape).astype("f4")
    back = (g, w, None, *how, x.shape[2:])
    close(C.convolved_back(*back), choice.original(C.convolved_back)(*back))
    weight, exact = C.convolved_weight(g, x, *how, w.shape[2:]), choice.original(C.convolved_weight)
    expected = exact(g.astype("f8"), x.astype("f8"), *how, w.shape[2:])
    assert np.abs(weight - expected).max() < 2e-6 * np.abs(expected).max() * y.shape[-1] ** 0.5


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_in_its_windows(value):
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(2, 3, 12, 12)).astype("f4"), rng.normal(size=(4, 3, 3, 3)).astype("f4")
    x[0, 1, 5, 11] = value
    how = ((1, 1), (1, 1), (1, 1), 1)
    y = C.convolved(x, w, None, *how)
    assert np.array_equal(np.isfinite(y), np.isfinite(choice.original(C.convolved)(x, w, None, *how)))
    g = rng.normal(size=y.shape).astype("f4")
    g[1, 2, 0, 0] = value
    weight = (g, x, *how, (3, 3))
    found, expected = C.convolved_weight(*weight), choice.original(C.convolved_weight)(*weight)
    assert np.array_equal(np.isfinite(found), np.isfinite(expected))
    back = (g, w, None, *how, (12, 12))
    found, expected = C.convolved_back(*back), choice.original(C.convolved_back)(*back)
    assert np.array_equal(np.isfinite(found), np.isfinite(expected))


@pytest.mark.parametrize("layout", ["turned", "offset", "locked", "crooked"])
def test_layouts(layout):
    rng = np.random.default_rng(2)
    x, w = rng.normal(size=(2, 5, 11, 11)), rng.normal(size=(6, 5, 3, 3))
    how = ((1, 1), (0, 0), (1, 1), 1)
    expected = C.convolved(x, w, None, *how)
    if layout == "turned":
        x, w = np.asfortranarray(x), np.asfortranarray(w)
    elif layout == "offset":
        x = np.concatenate([x, x], 1)[:, :5]
    elif layout == "locked":
        x.flags.writeable = w.flags.writeable = False
    else:
        bytes_ = np.zeros(x.nbytes + 1, "u1")
        crooked = bytes_[1:].view("f8").reshape(x.shape)
        crooked[...] = x
        x = crooked
    close(C.convolved(x, w, None, *how), expected)


def test_the_result_does_not_depend_on_threads():
    rng = np.random.default_rng(3)
    x, w = rng.normal(size=(9, 6, 30, 30)).astype("f4"), rng.normal(size=(10, 6, 3, 3)).astype("f4")
    how, found = ((1, 1), (1, 1), (1, 1), 1), []
    before = tiers.threads()
    try:
        for n in (1, 2, 3):
            tiers.set_threads(n)
            y = C.convolved(x, w, None, *how)
            found.append((y, C.convolved_weight(y, x, *how, (3, 3))))
    finally:
        tiers.set_threads(before)
    for other in found[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_a_weight_that_is_not_finite_goes_back_where_it_was(value):
    rng = np.random.default_rng(0)
    g, w = rng.normal(size=(2, 8, 9, 9)).astype("f4"), rng.normal(size=(8, 4, 3, 3)).astype("f4")
    w[0, 0, 0, 0] = value
    given = (None, (2, 2), (1, 1), (1, 1), 1, (17, 17))
    y, expected = C.convolved_back(g, w, *given), choice.original(C.convolved_back)(g, w, *given)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


def test_many_channels_of_small_images_are_folded():
    how = ((1, 1), (1, 1), (1, 1))
    plan = convolution._forward((4, 4), (3, 3), *how, (8, 1, 256, 256), F32)
    assert type(plan) is folded.Plan
    assert type(convolution_weight._plan((4, 4), (3, 3), *how, (8, 1, 256, 256), F32)) is folded_weight.Plan
    assert type(convolution._forward((40, 40), (3, 3), *how, (8, 1, 16, 16), F32)) is not folded.Plan


def test_what_is_not_finite_stays_in_its_windows_when_folded(way):
    x = np.ones((3, 20, 5, 5), "f4")
    x[1, 7, 2, 2] = np.inf
    w = np.ones((40, 20, 3, 3), "f4")
    y = C.convolved(x, w, None, (1, 1), (1, 1), (1, 1), 1)
    assert np.isfinite(y[[0, 2]]).all() and np.isinf(y[1, :, 1:4, 1:4]).all()
    assert np.isfinite(y[1, :, 0]).all() and np.isfinite(y[1, :, :, 4]).all()

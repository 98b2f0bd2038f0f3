"""Products of matrices against the NumPy bodies."""

import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapegrad import tiers
from tapegrad.kernels import linalg as L
from tapegrad.native import choice, target
from tapegrad.native.ir import F32, F64, I64, PTR, Function, Module
from tests.native.arrays import DTYPES, LAYOUTS, ODD, awake, close, drawn, laid

SHAPES = [((200, 30), (30, 300)), ((256, 1), (1, 256)), ((3, 200, 40), (40, 90)), ((5, 90, 80), (5, 80, 90))]
SHAPES += [
    ((2, 1, 90, 80), (3, 80, 90)),
    ((0, 90, 80), (80, 90)),
    ((0, 4), (4, 5)),
    ((300, 0), (0, 300)),
    ((7,), (7, 9)),
    ((2, 3), (3, 2)),
]


ROUNDED = {"f4": 1e-6, "f8": 1e-15, "i8": 1e-15}  # of the largest result
SIDES = st.integers(1, 8) | st.integers(9, 40) | st.sampled_from([97, 193, 260, 515])


@pytest.fixture
def products(monkeypatch):
    """The module, such that small products are computed by it."""
    awake()
    from tapegrad.native.kernels import products

    monkeypatch.setattr(products, "LEAST", 1)
    return products


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
@pytest.mark.parametrize("layout", ["plain", "turned", "stepped", "misaligned", "read-only"])
@pytest.mark.parametrize(("a", "b"), SHAPES)
def test_products_are_the_bodies(products, a, b, layout, dtype):
    rng = np.random.default_rng(0)
    x, y = (laid((rng.normal(size=s) * 5).astype(dtype), layout) for s in (a, b))
    for f in (L.matmul, L.mm) if x.ndim == y.ndim == 2 else (L.matmul,):
        found, expected = f(x, y), choice.original(f)(x, y)
        assert found.base is None
        close(found, expected, ROUNDED[dtype])


@settings(deadline=None)
@given(
    st.tuples(*[SIDES] * 3),
    st.lists(st.sampled_from([1, 2]), max_size=2),
    LAYOUTS,
    LAYOUTS,
    DTYPES,
    ODD,
    st.booleans(),
    st.booleans(),
)
def test_any_shape(sizes, batch, first, second, dtype, odd, biased, thin):
    awake()
    from tapegrad.native.kernels import products

    m, n, k = sizes
    a, b = drawn((*batch, m, k), dtype, first, odd), drawn((k, n), dtype, second, None, 1)
    c = drawn((n,), dtype, "plain", None, 2) if biased else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "LEAST", 1)
        patch.setattr(products, "LEAST_THIN", 1 if thin else 1 << 62)
        patch.setattr("tapegrad.native.kernels.slim.LEAST", 1 << 62)
        found = products.multiplied(a, b, c)
    aligned = a.flags.aligned and b.flags.aligned
    thin = thin and n > 1 and not batch and products.is_thin(k, n, products.TYPES[a.dtype])
    assert (found is None) == (not aligned or m < products.LEAST_ROWS or not (thin or n >= products.COLUMNS))
    if found is not None:
        with np.errstate(invalid="ignore"):
            close(found, np.matmul(a, b) + (0 if c is None else c), 3 * ROUNDED[dtype])


@pytest.fixture(params=[{}, {"MOST": 1, "SIDE": 48, "PIECES": 1}], ids=["whole", "in parts"])
def shared(request, monkeypatch, products):
    """The module of the machine code, such that b is shared where a thread's rows are not all."""
    from tapegrad.native.kernels import gemm

    for name, x in ({"ROWS": 2 * gemm.height(), "LEAST_SHARED": 1} | request.param).items():
        monkeypatch.setattr(gemm, name, x)
    gemm._plan.cache_clear()
    yield gemm
    gemm._plan.cache_clear()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(*[SIDES] * 3), LAYOUTS, LAYOUTS, DTYPES, ODD, st.booleans())
def test_a_shared_operand_changes_no_bit(shared, sizes, first, second, dtype, odd, biased):
    from tapegrad.native.kernels import products

    m, n, k = sizes
    a, b = drawn((m, k), dtype, first, odd), drawn((k, n), dtype, second, None, 1)
    c = drawn((n,), dtype, "plain", None, 2) if biased else None
    found = products.multiplied(a, b, c)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared, "LEAST_SHARED", 1 << 60)
        patch.setattr(shared, "MOST", 1 << 60)
        shared._plan.cache_clear()
        expected = products.multiplied(a, b, c)
    shared._plan.cache_clear()
    assert found is expected is None or found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("turned", [False, True])
def test_large_products_share_an_operand(products, turned):
    from tapegrad.native.kernels import gemm

    kinds = [gemm._plan(m, 900, 700, 1, np.dtype("f4"), 2)[0] for m in (300, 900)]
    assert kinds[0] is not kinds[1]
    a, b = drawn((900, 700), "f4"), drawn((700, 900), "f4", "plain", None, 1)
    a, b = (b.T, a.T) if turned else (a, b)
    close(L.mm(a, b), (a.astype("f8") @ b.astype("f8")).astype("f4"), ROUNDED["f4"])


@pytest.mark.parametrize("m", range(8, 60))
@pytest.mark.parametrize("many", [0, 96 * 5, 9978])
def test_any_number_of_rows(products, many, m):
    a, b = drawn((many + m, 9), "f4"), drawn((9, 17), "f4")
    close(L.mm(a, b), a @ b)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(200, 30), (4, 50, 30), (2, 2, 50, 30), (30,), (0, 30), (1, 30)])
def test_linear_is_the_body(products, shape, bias, dtype):
    rng = np.random.default_rng(0)
    x, w, b = (rng.normal(size=s).astype(dtype) for s in (shape, (300, 30), (300,)))
    found, expected = (f(x, w, b if bias else None) for f in (L.linear, choice.original(L.linear)))
    close(found, expected, ROUNDED[dtype])


@pytest.mark.parametrize("c", [(300,), (200, 1), (200, 300), ()])
@pytest.mark.parametrize(("beta", "alpha"), [(1, 1), (0, 1), (0.5, 2)])
def test_addmm_is_the_body(products, c, beta, alpha):
    rng = np.random.default_rng(0)
    c, a, b = (rng.normal(size=s).astype("f4") for s in (c, (200, 30), (30, 300)))
    found, expected = (f(c, a, b, beta, alpha) for f in (L.addmm, choice.original(L.addmm)))
    close(found, expected, ROUNDED["f4"])


def test_addmm_of_matrices_needs_no_blas(products):
    """Its threads, and those of machine code, would wait for each other."""
    rng = np.random.default_rng(0)
    c, a, b = (rng.normal(size=s).astype("f4") for s in ((200, 300), (200, 30), (30, 300)))
    before = tiers.native_calls()
    L.addmm(c, a, b, 0.5, 2)
    assert tiers.native_calls() > before


@pytest.mark.parametrize(("a", "b"), [((200, 30), (31, 300)), ((3, 90, 80), (2, 80, 90))])
def test_what_does_not_fit_is_refused(products, a, b):
    with pytest.raises(ValueError):
        L.matmul(np.ones(a), np.ones(b))


def test_the_sums_do_not_depend_on_the_threads(products):
    """A product has the same bits with one thread and with several, and so has a part of its rows."""
    code = """if True:
        import numpy as np, tapegrad as torch
        from tapegrad import tiers
        from tapegrad.kernels import linalg as L
        tiers.wake()
        rng = np.random.default_rng(0)
        a, b = (rng.normal(size=s).astype("f4") for s in ((300, 700), (700, 400)))
        y = L.mm(a, b)
        assert (L.mm(a[100:200], b) == y[100:200]).all()
        torch.set_num_threads(1)
        assert (L.mm(a, b) == y).all()
    """
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("tall", [4, 6, 13, 14])
def test_there_is_a_tile_for_every_panel(tall):
    """Also for processors with other registers than this one's."""
    awake()
    from tapegrad.native.kernels import panels

    found = panels.heights(tall)
    for m in range(panels.LEAST_ROWS, 1000):
        many = -(-m // tall)
        assert m // many in found and -(-m // many) in found


@pytest.mark.parametrize("t", [F32, F64])
@pytest.mark.parametrize("kind", [target.AVX2, target.AVX512, target.NEON])
def test_a_tile_stays_in_registers(monkeypatch, kind, t):
    """For each processor: its sums are not kept in memory, and no wider registers are used than it has."""
    awake()
    from tapegrad.native.kernels import gemm, panels

    monkeypatch.setattr(target, "host", lambda: kind)
    names = [("y", PTR), ("pitch", I64), ("a", PTR), ("b", PTR), ("k", I64), ("more", I64)]
    f, module = Function("tile", names, internal=False), Module()
    gemm._write_tile(f, t, panels.height())
    f.give()
    module.add(f)
    text = target.assembly(module, kind)
    wide = {"avx2": "ymm", "avx512": "zmm", "neon": r"v\d+\.[24][sd]"}[kind.name]
    assert re.search(wide, text)
    assert kind is not target.AVX2 or "zmm" not in text
    multiplied = re.findall(r"vfmadd\S*\s.*|fmla\s.*", text)
    assert len(multiplied) == (gemm._UNROLLED + 1) * panels.height() * panels.VECTORS
    assert not any("sp" in line for line in multiplied)
    spilled = [line for line in text.splitlines() if re.search(r"[xyz]mm\d+, .*\(%rsp\)", line)]
    assert not spilled

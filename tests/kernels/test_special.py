"""Special functions against sixty digits."""

from typing import Any

import numpy as np
import pytest

import tapegrad as torch
from tapegrad.kernels import hurwitz, special

mp = pytest.importorskip("mpmath")

# By kernel: the exact function, where it is looked at, and how many units in the last place it may be off.
EXACT: dict[str, tuple[Any, list[tuple[float, float]], float]] = {
    "erf": (lambda x: mp.erf(x), [(-6, 6), (-1e-9, 1e-9)], 4),
    "erfc": (lambda x: mp.erfc(x), [(-3, 3), (3, 26)], 6),
    "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), [(-26, 0), (0, 30)], 6),
    "erfinv": (lambda x: mp.erfinv(x), [(-1, 1), (0.999, 1), (-1e-9, 1e-9)], 5),
    "ndtri": (lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1), [(0.01, 0.49), (0.51, 0.99)], 6),
    "lgamma": (lambda x: mp.re(mp.loggamma(x)), [(0, 1), (1, 3), (3, 20), (20, 1e6)], 4),
    "digamma": (lambda x: mp.digamma(x), [(0, 1), (1.4, 1.5), (1, 20), (20, 1e6)], 6),
    "i0": (lambda x: mp.besseli(0, x), [(-8, 8), (8, 100)], 6),
    "i0e": (lambda x: mp.exp(-abs(x)) * mp.besseli(0, x), [(-8, 8), (8, 100)], 6),
    "i1": (lambda x: mp.besseli(1, x), [(-8, 8), (8, 100)], 12),
    "i1e": (lambda x: mp.exp(-abs(x)) * mp.besseli(1, x), [(-8, 8), (8, 100)], 12),
}


def off(found: Any, exact: Any, xs: Any) -> Any:
    """By how many units in the last place the found values are off."""
    with mp.workdps(60):
        wanted = np.array([float(exact(mp.mpf(float(x)))) for x in xs])
    return np.abs(found - wanted) / np.spacing(np.abs(wanted))


@pytest.mark.parametrize("name", EXACT)
def test_values(name: str) -> None:
    exact, ranges, ulps = EXACT[name]
    random = np.random.default_rng(1)
    xs = np.concatenate([random.uniform(low, high, 60) for low, high in ranges])
    assert off(getattr(special, name)(xs), exact, xs).max() <= ulps


@pytest.mark.parametrize("name", EXACT)
def test_pythons_own_functions_blocks_and_layouts_agree(name: str) -> None:
    _, ranges, ulps = EXACT[name]
    xs = np.random.default_rng(2).uniform(*ranges[-1], (3, 3 * special.BLOCK + 5))
    f = getattr(special, name)
    whole = f(xs)
    assert np.array_equal(f(xs.T).T, whole) and f(xs.T).flags.f_contiguous
    assert np.array_equal(f(xs[:, ::2]), whole[:, ::2])
    few = f(xs[:1, :5].copy())
    assert (np.abs(few - whole[:1, :5]) <= 2 * ulps * np.spacing(np.abs(few))).all()
    assert f(xs[0, 0]) == few[0, 0] and type(f(xs[0, 0])) is np.float64


@pytest.mark.parametrize("n", [1, 2, 5])
def test_polygamma(n: int) -> None:
    xs = np.random.default_rng(3).uniform(0.1, 20, 60)
    assert off(hurwitz.polygamma(xs, n), lambda x: mp.polygamma(n, x), xs).max() <= 16


def test_zeta() -> None:
    random = np.random.default_rng(4)
    s, q = random.uniform(1.05, 12, 60), random.uniform(0.01, 30, 60)
    with mp.workdps(60):
        wanted = np.array(
            [float(mp.zeta(mp.mpf(a), mp.mpf(b))) for a, b in zip(s.tolist(), q.tolist(), strict=True)]
        )
    assert (np.abs(hurwitz.zeta(s, q) - wanted) <= 16 * np.spacing(wanted)).all()


def test_far_tails() -> None:
    p = np.array([1e-300, 1e-100, 1e-20])
    with mp.workdps(400):
        wanted = [
            float(mp.findroot(lambda z, p=p: mp.log(mp.ncdf(z) / p), -mp.sqrt(-2 * mp.log(p)))) for p in p
        ]
    assert np.allclose(special.ndtri(p), wanted, rtol=1e-15, atol=0)
    assert torch.special.ndtri(torch.tensor([0.0, 1.0, 2.0])).tolist()[:2] == [-np.inf, np.inf]


def test_the_coefficients_are_as_they_are_derived() -> None:
    from tools import special_fits

    assert special_fits.FILE.read_text() == special_fits.text()


def test_what_needs_scipy_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "scipy.special", None)
    from tapegrad.kernels import extra

    with pytest.raises(ImportError, match=r"special.airy_ai: .*pip install 'tapegrad\[special\]'"):
        extra.from_scipy("airy", "special.airy_ai")(np.ones(3))

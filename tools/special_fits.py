"""Derives the coefficients in tapegrad/kernels/fits.py: `python -m tools.special_fits` writes the file anew.

Each function is interpolated at Chebyshev points in 60 digits (mpmath), in a variable in which it is smooth,
and the Chebyshev series is written out in powers of that variable: where a series falls as fast as these do,
that loses nothing. A series ends where its terms are below a tenth of a unit in the last place of a double.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mpmath import besseli as bessel_i
from mpmath import (
    cos,
    digamma,
    erf,
    erfc,
    erfinv,
    exp,
    findroot,
    loggamma,
    lu_solve,
    matrix,
    mp,
    mpf,
    pi,
    sqrt,
)

FILE = Path(__file__).parent.parent / "tapegrad" / "kernels" / "fits.py"
HEAD = '''"""Coefficients of polynomials, lowest power first, as tools/special_fits.py derives them."""

'''
mp.dps = 60
N = 64  # points of interpolation; no series needs as many terms


def series(f: Callable[[Any], Any]) -> list[Any]:
    """The Chebyshev coefficients of f on [-1, 1]."""
    angles = [pi * (mpf(k) + mpf(1) / 2) / N for k in range(N)]
    values = [f(cos(a)) for a in angles]
    scale = [mpf(2 if k else 1) / N for k in range(N)]
    return [scale[k] * sum(v * cos(k * a) for v, a in zip(values, angles, strict=True)) for k in range(N)]


def powers(cs: list[Any]) -> list[Any]:
    """sum cs[k] T_k(t) in powers of t."""
    total = [mpf(0)] * len(cs)
    before: list[Any] = [mpf(0)]
    now: list[Any] = [mpf(1)]
    for k, c in enumerate(cs):
        for i, v in enumerate(now):
            total[i] += c * v
        after = [mpf(0), *[2 * v if k else v for v in now]]
        for i, v in enumerate(before):
            after[i] -= v if k else 0
        before, now = now, after
    return total


def fit(f: Callable[[Any], Any]) -> list[Any]:
    """The polynomial in t on [-1, 1]."""
    cs = series(f)
    least = min(abs(f(mpf(k) / 8)) for k in range(-8, 9) if abs(k) < 8)
    while abs(cs[-1]) < least * mpf(10) ** -17:
        cs.pop()
    return powers(cs)


def between(low: Any, high: Any, f: Callable[[Any], Any]) -> list[Any]:
    """The polynomial of f on [low, high], in t = (2 x - low - high) / (high - low)."""
    low, high = mpf(low), mpf(high)
    return fit(lambda t: f((t * (high - low) + low + high) / 2))


def erf_ratio(u: Any) -> Any:
    """erf(x) / x by u = x^2."""
    return erf(sqrt(u)) / sqrt(u)


def scaled_erfc(t: Any) -> Any:
    """(1 + 2 x) erfcx(x) by t = (x - 3.75) / (x + 3.75)."""
    x = mpf("3.75") * (1 + t) / (1 - t)
    # beyond 40 by its asymptotic series, which ends below all digits
    if x < 40:
        return (1 + 2 * x) * exp(x * x) * erfc(x)
    term, total = mpf(1), mpf(1)
    for k in range(1, 60):
        term *= -(2 * k - 1) / (2 * x * x)
        total += term
    return (1 + 2 * x) * total / (x * sqrt(pi))


def inverse_erf_ratio(w: Any) -> Any:
    """erfinv(x) / x by w = -log(1 - x^2)."""
    x = sqrt(1 - exp(-w))
    return erfinv(x) / x


def inverse_erfc(s: Any) -> Any:
    """z / s where erf(z)^2 = 1 - exp(-s^2)."""
    p = exp(-s * s)
    target = p / (1 + sqrt(1 - p))  # erfc(z) = 1 - sqrt(1 - p)
    return findroot(lambda z: mp.log(erfc(z) / target), s * mpf("0.97")) / s


def log_gamma_ratio(x: Any) -> Any:
    """lgamma(x) / ((x - 1) (x - 2))."""
    return loggamma(x) / ((x - 1) * (x - 2))


ROOT = findroot(digamma, mpf("1.46"))
# Of digamma(1 + x): the first of its poles, and points that stand for all others.
POLES = [mpf(k) for k in range(1, 5)] + [4 + mpf("2.2") ** k for k in range(11)]


def fractions(f: Callable[[Any], Any], poles: list[Any], high: Any) -> list[Any]:
    """The w with f(x) = sum w[k] / (1 + x / poles[k]) at as many Chebyshev points of [0, high]."""
    n = len(poles)
    xs = [high * (1 + cos(pi * (k + mpf(1) / 2) / n)) / 2 for k in range(n)]
    return list(lu_solve(matrix([[1 / (1 + x / p) for p in poles] for x in xs]), matrix([f(x) for x in xs])))


def fits() -> dict[str, list[Any]]:
    """Every polynomial by its name."""
    return {
        "ERF": between(0, 1, erf_ratio),
        "ERFCX": fit(scaled_erfc),
        "ERFINV": between(0, 5, inverse_erf_ratio),
        "ERFINV_TAIL": between(mpf("2.2"), mpf("6.2"), inverse_erfc),
        "ERFINV_FAR": between(1 / mpf(28), 1 / mpf("6.2"), lambda r: inverse_erfc(1 / r)),
        "LGAMMA": between(1, 2, log_gamma_ratio),
        "DIGAMMA": between(1, 2, lambda x: digamma(x) / (x - ROOT)),
        "DIGAMMA_ROOT": [mpf(float(ROOT)), ROOT - mpf(float(ROOT))],
        "DIGAMMA_POLES": POLES,
        "DIGAMMA_PARTS": fractions(lambda x: digamma(1 + x), POLES, mpf(10)),
        "I0E": between(0, 8, lambda x: exp(-x) * bessel_i(0, x)),
        "I0E_FAR": between(0, mpf(1) / 8, lambda r: exp(-1 / r) * bessel_i(0, 1 / r) / sqrt(r)),
        "I1E": between(0, 8, lambda x: exp(-x) * bessel_i(1, x) / x),
        "I1E_FAR": between(0, mpf(1) / 8, lambda r: exp(-1 / r) * bessel_i(1, 1 / r) / sqrt(r)),
    }


def text() -> str:
    """The file."""
    lines = [f"{name} = ({', '.join(repr(float(c)) for c in cs)},)" for name, cs in fits().items()]
    run = [sys.executable, "-m", "ruff", "format", "--stdin-filename", "fits.py", "-"]
    source = HEAD + "\n".join(lines) + "\n"
    return subprocess.run(run, input=source, capture_output=True, text=True, check=True).stdout


def main() -> int:
    """Write it."""
    FILE.write_text(text())
    return 0


if __name__ == "__main__":
    sys.exit(main())

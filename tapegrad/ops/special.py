"""Special functions: error, gamma, zeta, Bessel functions, orthogonal polynomials."""

from __future__ import annotations

import math
from typing import Any

import tapegrad.kernels.hurwitz as H
import tapegrad.kernels.polynomials as O
import tapegrad.kernels.special as S
from tapegrad.define import elementwise, finish, offer, opaque
from tapegrad.define.refusing import floats_only, no_derivative, no_narrow
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.extra import from_scipy
from tapegrad.ops.elementary import floating
from tapegrad.ops.nn import log_softmax, softmax
from tapegrad.ops.pairs import numbered
from tapegrad.ops.statistics import logsumexp
from tapegrad.tensor import Tensor

_SLOPE = 2 / math.sqrt(math.pi)  # of erf at 0

# ---- the error function and its kin

erf = elementwise(
    "erf",
    S.erf,
    ir="erf(a)",
    floats=True,
    d=(f"g * (F.exp(-(a * a)) * {_SLOPE!r})",),
    doc="The error function: 2 / sqrt(pi) times the integral of exp(-t * t) from 0 to each element.",
)
erfc = elementwise("erfc", S.erfc, doc="1 - erf(a)", floats=True, d=(f"g * (F.exp(-(a * a)) * {-_SLOPE!r})",))
erfinv = elementwise(
    "erfinv",
    S.erfinv,
    ir="erfinv(a)",
    floats=True,
    d=(f"g * (F.exp(F.square(F.erfinv(a))) * {1 / _SLOPE!r})",),
    doc="The inverse of erf.",
)
erfcx = elementwise(
    "erfcx",
    S.erfcx,
    ir="exp(a * a) * erfc(a)",
    floats=True,
    d=(f"(2 * a * y - {_SLOPE!r}) * g",),
    title="SpecialErfcxBackward0",
    check=no_narrow,
)
ndtr = elementwise(
    "ndtr",
    S.ndtr,
    floats=True,
    d=(f"g * (F.exp(a * a * -0.5) * {1 / math.sqrt(2 * math.pi)!r})",),
    title="MulBackward1",
    doc="The share of the normal distribution that lies below each element.",
)
ndtri = elementwise(
    "ndtri",
    S.ndtri,
    ir="ndtri(a)",
    floats=True,
    d=(f"g * (F.exp(y * y / 2) * {math.sqrt(2 * math.pi)!r})",),
    title="SpecialNdtriBackward0",
    check=no_narrow,
    doc="The inverse of ndtr.",
)
log_ndtr = elementwise(
    "log_ndtr",
    S.log_ndtr,
    ir="log(ndtr(a))",
    floats=True,
    d=(f"g / {math.sqrt(2 * math.pi)!r} * F.exp(-(y + a * a / 2))",),
    title="SpecialLogNdtrBackward0",
    check=no_narrow,
)
entr = elementwise(
    "entr",
    S.entr,
    doc="-a * log(a)",
    floats=True,
    d=("g * (-(1 + F.log(a)))",),
    title="SpecialEntrBackward0",
)

# ---- the gamma function and its kin

lgamma = elementwise(
    "lgamma",
    S.lgamma,
    ir="log(abs(gamma(a)))",
    floats=True,
    d=("g * F.digamma(a)",),
)
digamma = elementwise(
    "digamma",
    S.digamma,
    ir="digamma(a)",
    floats=True,
    d=("g * F.polygamma(1, a)",),
    doc="The derivative of lgamma.",
)
_polygamma, _polygamma_in_place = (  # torch names their nodes apart
    opaque(
        key,
        H.polygamma,
        kind="elementwise",
        saves=((0,),),
        d=(lambda F, g, x, shapes, n: g * F.polygamma(n + 1, x),),
        title=title,
    )
    for key, title in (("polygamma", "PolygammaBackward0"), ("polygamma.in_place", "PolygammaBackward1"))
)
_mvlgamma = opaque(
    "mvlgamma",
    lambda x, p: (
        sum([S.lgamma(x - k / 2) for k in range(p)]) + x.dtype.type(p * (p - 1) / 4 * math.log(math.pi))
    ),
    kind="elementwise",
    saves=((0,),),
    d=(lambda F, g, x, shapes, p: g * sum([F.digamma(x - k / 2) for k in range(p)]),),
)


def polygamma(n: int, input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The derivative of digamma of order n, element by element.

    Raises: RuntimeError for a negative n.
    """
    return finish(_polygamma(*_of_order(n, input)), out, "polygamma", (input,))


def _of_order(n: Any, input: Any) -> tuple[Tensor, int]:
    if type(n) is not int:
        raise TypeError(f"polygamma: n is {type(n).__name__}; an int is needed, then the tensor.")
    x = floating(input, "polygamma")
    if n < 0:
        raise RuntimeError(f"polygamma: n is {n}; 0 or more is needed.")
    return x, n


def _polygamma_of(self: Tensor, n: int) -> Tensor:
    """The derivative of digamma of order n, element by element. See torch.polygamma."""
    return polygamma(n, self)


def _write_polygamma(self: Tensor, n: int) -> Tensor:
    """The derivative of digamma of order n, element by element. See torch.polygamma."""
    return _polygamma_in_place(*_of_order(n, self))


def mvlgamma(input: Tensor, p: int, *, out: Tensor | None = None) -> Tensor:
    """The logarithm of the gamma function of p dimensions, element by element.

    Raises: RuntimeError for p below 1.
    """
    x = floating(input, "mvlgamma")
    if p < 1:
        raise RuntimeError(f"mvlgamma: p is {p}; 1 or more is needed.")
    return finish(_mvlgamma(x, p), out, "mvlgamma", (input,))


_GAMMA_DENSITY = "F.exp((a - 1) * F.log(b) - b - F.lgamma(a))"
igamma = elementwise(
    "igamma",
    from_scipy("gammainc", "igamma"),
    floats=True,
    d=(no_derivative("igamma", NotImplementedError), f"g * {_GAMMA_DENSITY}"),
    check=floats_only,
    numbers="",
    doc="The lower incomplete gamma function of order a at b, as a share of gamma(a). (Needs scipy.)",
)
igammac = elementwise(
    "igammac",
    from_scipy("gammaincc", "igammac"),
    floats=True,
    d=(no_derivative("igammac", NotImplementedError), f"-g * {_GAMMA_DENSITY}"),
    check=floats_only,
    numbers="",
    doc="The upper incomplete gamma function of order a at b, as a share of gamma(a). (Needs scipy.)",
)
zeta = numbered(
    "zeta",
    H.zeta,
    ("SpecialZetaBackward0", "SpecialZetaBackward2", "SpecialZetaBackward1"),
    floats=True,
    d=(no_derivative("zeta", NotImplementedError), "g * -a * F.special_zeta(a + 1, b)"),
    check=no_narrow,
    doc="The sum of (b + k) ** -a over k = 0, 1, 2, ... (Hurwitz's zeta function).",
)

# ---- Bessel's functions

i0 = elementwise(
    "i0",
    S.i0,
    floats=True,
    d=("g * F.special_i1(a)",),
    doc="The modified Bessel function of the first kind, of order 0.",
)
i0e = elementwise(
    "i0e",
    S.i0e,
    ir="exp(-abs(a)) * i0(a)",
    floats=True,
    d=("g * (F.special_i1e(a) - F.sign(a) * y)",),
    title="SpecialI0EBackward0",
)
# i1(a) / a goes to 1/2 at 0. The inner `where` keeps second derivatives there finite.
_AWAY = "F.abs(a) > 1e-30"
i1 = elementwise(
    "i1",
    S.i1,
    floats=True,
    d=(f"g * F.where({_AWAY}, F.i0(a) - y / F.where({_AWAY}, a, 1), 0.5)",),
    title="SpecialI1Backward0",
    doc="The modified Bessel function of the first kind, of order 1.",
)
i1e = elementwise(
    "i1e",
    S.i1e,
    ir="exp(-abs(a)) * i1(a)",
    floats=True,
    d=(f"g * F.where({_AWAY}, F.special_i0e(a) - y * (F.sign(a) + 1 / F.where({_AWAY}, a, 1)), 0.5)",),
    title="SpecialI1EBackward0",
)


def _flat(name: str, kernel: Any, doc: str) -> Any:
    """A function of one number that torch does not differentiate."""
    return elementwise(name, kernel, floats=True, arity=1, check=no_narrow, doc=doc)


modified_bessel_i0 = _flat("modified_bessel_i0", S.i0, "i0, without a gradient.")
modified_bessel_i1 = _flat("modified_bessel_i1", S.i1, "i1, without a gradient.")
spherical_bessel_j0 = _flat("spherical_bessel_j0", S.spherical_bessel_j0, "sin(a) / a, 1 at 0.")

_SCIPY = {
    "airy_ai": ("airy", "Airy's function Ai."),
    "bessel_j0": ("j0", "The Bessel function of the first kind, of order 0."),
    "bessel_j1": ("j1", "The Bessel function of the first kind, of order 1."),
    "bessel_y0": ("y0", "The Bessel function of the second kind, of order 0."),
    "bessel_y1": ("y1", "The Bessel function of the second kind, of order 1."),
    "modified_bessel_k0": ("k0", "The modified Bessel function of the second kind, of order 0."),
    "modified_bessel_k1": ("k1", "The modified Bessel function of the second kind, of order 1."),
    "scaled_modified_bessel_k0": ("k0e", "exp(a) times modified_bessel_k0."),
    "scaled_modified_bessel_k1": ("k1e", "exp(a) times modified_bessel_k1."),
}
_EXOTIC = {
    name: _flat(name, from_scipy(known, f"special.{name}"), f"{doc} (Needs scipy.)")
    for name, (known, doc) in _SCIPY.items()
}

# ---- orthogonal polynomials


def _polynomial(name: str, kernel: Any) -> Any:
    plain = elementwise(name, kernel, floats=True, arity=2, check=no_narrow, doc=kernel.__doc__)

    def call(input: Any, n: Any, *, out: Tensor | None = None) -> Any:
        return plain(input, n, out=out)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = plain.__doc__
    return call


_POLYNOMIALS = {name: _polynomial(name, kernel) for name, kernel in vars(O).items() if "_polynomial_" in name}

_UNARY = "digamma erf erfc erfinv i0 lgamma"
offer(
    globals(),
    both=f"{_UNARY} igamma igammac mvlgamma",
    functions="polygamma",
    in_place=f"{_UNARY} igamma igammac mvlgamma",
    writers="erf erfc i0",
    named={"polygamma": _polygamma_of},
)
offer({"polygamma": _write_polygamma}, in_place="polygamma")
_SPECIAL = {
    **globals(),
    **_EXOTIC,
    **_POLYNOMIALS,
    "gammainc": igamma,
    "gammaincc": igammac,
    "gammaln": lgamma,
    "multigammaln": mvlgamma,
    "psi": digamma,
    "log_softmax": log_softmax,
    "softmax": softmax,
    "logsumexp": logsumexp,
}
offer(
    _SPECIAL,
    functions=(
        "digamma entr erf erfc erfcx erfinv gammainc gammaincc gammaln i0 i0e i1 i1e log_ndtr log_softmax "
        "logsumexp modified_bessel_i0 modified_bessel_i1 multigammaln ndtr ndtri polygamma psi softmax "
        f"spherical_bessel_j0 zeta {' '.join([*_EXOTIC, *_POLYNOMIALS])}"
    ),
    namespace="special",
)
del _SPECIAL  # it holds this namespace, which would be a cycle
nameless(globals())

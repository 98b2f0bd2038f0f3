"""Gamma and Dirichlet numbers, which have gradients with respect to their parameters. torch.distributions
loads this file."""

from __future__ import annotations

from typing import Any

import tapegrad.kernels.gamma as G
from tapegrad.define import OUT, offer, opaque
from tapegrad.define.refusing import no_derivative
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.draws import drawn_for
from tapegrad.ops.random import Generator
from tapegrad.ops.recorded import Drawn
from tapegrad.tensor import Tensor


def _slope(name: str, kernel: Any, arity: int) -> Any:
    return opaque(name, kernel, kind="elementwise", d=(no_derivative(name),) * arity)


standard_gamma_grad = _slope("standard_gamma_grad", G.standard_gamma_grad, 2)
dirichlet_grad = _slope("dirichlet_grad", G.dirichlet_grad, 3)


def _dirichlet_rule(F: Any, g: Any, a: Any, y: Any, shapes: Any, values: Any) -> Any:
    slope = F.dirichlet_grad(y, a, F.expand(F.sum(a, (-1,), True), a.shape))
    return slope * (g - F.sum(y * g, (-1,), True))


_gamma = opaque(
    "standard_gamma.recorded",
    lambda a, drawn: drawn.values,
    saves=((0, OUT),),
    d=(lambda F, g, a, y, shapes, values: g * F.standard_gamma_grad(a, y),),
    title="StandardGammaBackward0",
)
_dirichlet = opaque(
    "dirichlet.recorded",
    lambda a, drawn: drawn.values,
    saves=((0, OUT),),
    d=(_dirichlet_rule,),
    title="_DirichletBackward",
)


def standard_gamma(concentration: Tensor, generator: Generator | None = None) -> Tensor:
    """A number of the gamma distribution with rate 1 for each concentration, with its gradient.

    Raises: NotImplementedError unless float32 or float64. Source: torch._standard_gamma.
    """
    drawn = drawn_for("standard_gamma", generator, G.standard_gamma, concentration)
    return _gamma(concentration, Drawn(drawn._a))


def sample_dirichlet(concentration: Tensor, generator: Generator | None = None) -> Tensor:
    """A point of the simplex for each vector of concentrations (last dimension), with its gradient.

    Raises: NotImplementedError unless float32 or float64. Source: torch._sample_dirichlet.
    """
    drawn = drawn_for("sample_dirichlet", generator, G.dirichlet, concentration)
    return _dirichlet(concentration, Drawn(drawn._a))


offer(globals(), rules="dirichlet_grad standard_gamma_grad")
nameless(globals())

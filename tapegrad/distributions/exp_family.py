"""Exponential families. Source: torch.distributions.exp_family."""

from __future__ import annotations

from typing import Any

from tapegrad.autograd import enable_grad
from tapegrad.autograd.engine import grad
from tapegrad.distributions.family import Family
from tapegrad.tensor import Tensor

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Family):
    """Distributions with density h(x) exp(<natural parameters, t(x)> - log normaliser).

    The entropy follows from the gradient of the log normaliser.
    Source: Nielsen and Nock, Entropies and cross-entropies of exponential families, 2010.
    """

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError(f"{type(self).__name__}: it has no natural parameters.")

    def _log_normalizer(self, *natural_params: Any) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}: it has no log normaliser.")

    @property
    def _mean_carrier_measure(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: its carrier measure is not implemented.")

    def entropy(self) -> Tensor:
        """The entropy, in nats, by the gradient of the log normaliser."""
        result = -self._mean_carrier_measure
        parameters = [p.detach().requires_grad_() for p in self._natural_params]
        with enable_grad():
            normaliser = self._log_normalizer(*parameters)
            slopes = grad(normaliser.sum(), parameters, create_graph=True)
        result = result + normaliser
        for p, g in zip(parameters, slopes, strict=True):
            result = result - (p * g).reshape((*self._batch_shape, -1)).sum(-1)
        return result  # type: ignore[no-any-return] # a Tensor

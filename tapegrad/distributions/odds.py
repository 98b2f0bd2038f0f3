"""Distributions that are given by probabilities or by logits, of which the other is computed when needed."""

from __future__ import annotations

from typing import Any

from tapegrad.distributions.family import Family
from tapegrad.distributions.utils import lazy_property, logits_to_probs, probs_to_logits
from tapegrad.tensor import Size, Tensor

__all__ = ["Odds"]


class Odds(Family):
    """The two forms of one parameter. `_binary`: whether a logit is a log odds, or one of a vector's."""

    _binary = True
    _param: Tensor

    def _take(self, probs: Any, logits: Any, **others: Any) -> Size:
        """Keep `others` and the one that is given, as tensors of one shape; returns the batch shape.

        Raises: ValueError unless just one of probs and logits is given.
        """
        name, value = self._given(probs, logits)
        batch = self._own(**others, **{name: value})
        self._param = self.__dict__[name]
        for other in others:
            self.__dict__[other] = self.__dict__[other].to(self._param.dtype)
        return batch

    def _given(self, probs: Any, logits: Any) -> tuple[str, Any]:
        if (probs is None) == (logits is None):
            raise ValueError(f"{type(self).__name__}: give either probs or logits, and not both.")
        return ("probs", probs) if logits is None else ("logits", logits)

    def _new(self, *args: Any, **kwargs: Any) -> Tensor:
        return self._param.new(*args, **kwargs)

    @lazy_property
    def logits(self) -> Tensor:
        """Log odds, or the logarithms of a vector of probabilities."""
        return probs_to_logits(self.probs, self._binary)

    @lazy_property
    def probs(self) -> Tensor:
        """Probabilities."""
        return logits_to_probs(self.logits, self._binary)

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter that was given."""
        return self._param.size()

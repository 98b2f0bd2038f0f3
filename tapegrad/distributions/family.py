"""What follows from a distribution's parameters being its attributes."""

from __future__ import annotations

from typing import Any

from tapegrad.distributions.distribution import NO_SHAPE, Distribution
from tapegrad.distributions.utils import broadcast_all, is_number, size
from tapegrad.tensor import Size, Tensor

__all__ = ["Family"]


class Family(Distribution):
    """A distribution whose attributes are its parameters and the distributions that it is made of."""

    _fixed: tuple[str, ...] = ()  # tensors that do not have the batch's dimensions

    def _own(self, **parameters: Any) -> Size:
        """Keep parameters, as tensors of one shape; returns the batch shape: () for numbers."""
        tensors = broadcast_all(*parameters.values())
        self.__dict__.update(zip(parameters, tensors, strict=True))
        numbers = all(is_number(v) for v in parameters.values())
        return NO_SHAPE if numbers else tensors[0].size()

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with its batch dimensions expanded; nothing is copied or checked.

        Raises: NotImplementedError for a subclass that has an __init__, and no expand, of its own.
        """
        maker = next(c for c in type(self).__mro__ if "__init__" in vars(c))
        ours = maker if maker.__module__.startswith(__package__) else Family
        new = self._get_checked_instance(ours, _instance)
        old, batch = self._batch_shape, size(batch_shape)
        for name, value in self.__dict__.items():
            if isinstance(value, Tensor) and name not in self._fixed and value.shape[: len(old)] == old:
                value = value.expand(batch + value.shape[len(old) :])  # the expanded one
            elif isinstance(value, Distribution):
                value = value.expand(batch + value._batch_shape[len(old) :])  # as above
            new.__dict__.setdefault(name, value)
        new._batch_shape = batch
        return new

"""What every distribution has. Source: torch.distributions.distribution."""

from __future__ import annotations

import warnings
from typing import Any

from tapegrad._errors import describe
from tapegrad.autograd import no_grad
from tapegrad.distributions import constraints
from tapegrad.distributions.utils import lazy_property, size
from tapegrad.tensor import Size, Tensor

__all__ = ["Distribution"]

NO_SHAPE = Size()


class Distribution:
    """A probability distribution, or a batch of them.

    batch_shape: one distribution for each of its elements. event_shape: of one value. validate_args: whether
    parameters and values are checked; by default as set_default_validate_args says.
    """

    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args: bool = __debug__

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions check, where they are not told. Raises: ValueError for what is no bool."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: value is {value!r}; True or False is needed.")
        Distribution._validate_args = value

    def __init__(
        self, batch_shape: Any = NO_SHAPE, event_shape: Any = NO_SHAPE, validate_args: bool | None = None
    ) -> None:
        self._batch_shape, self._event_shape = batch_shape, event_shape
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()

    def _check_parameters(self) -> None:
        try:
            wanted = self.arg_constraints
        except NotImplementedError:
            warnings.warn(
                f"{type(self).__name__}: it has no arg_constraints. Define them ({{}} for none), or pass "
                "validate_args=False.",
                stacklevel=4,
            )
            return
        for name, constraint in wanted.items():
            if constraints.is_dependent(constraint):
                continue
            if name not in self.__dict__ and isinstance(getattr(type(self), name), lazy_property):
                continue  # computed when it is needed
            value = getattr(self, name)
            if not constraint.check(value).all():
                raise ValueError(
                    f"{type(self).__name__}: {name} is a {list(value.shape)} tensor with values outside of "
                    f"{constraint!r}:\n{value}"
                )

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with its batch dimensions expanded; nothing is copied or checked."""
        raise NotImplementedError(f"{type(self).__name__}: expand is not implemented.")

    @property
    def batch_shape(self) -> Size:
        """The shape of the batch of distributions."""
        return self._batch_shape  # type: ignore[no-any-return] # a Size

    @property
    def event_shape(self) -> Size:
        """The shape of one value."""
        return self._event_shape  # type: ignore[no-any-return] # a Size

    @property
    def arg_constraints(self) -> Any:
        """What each parameter must satisfy, by name."""
        raise NotImplementedError(f"{type(self).__name__}: arg_constraints is not implemented.")

    @property
    def support(self) -> Any:
        """The constraint that values satisfy."""
        raise NotImplementedError(f"{type(self).__name__}: support is not implemented.")

    @property
    def mean(self) -> Any:
        """The mean."""
        raise NotImplementedError(f"{type(self).__name__}: mean is not implemented.")

    @property
    def mode(self) -> Any:
        """The most likely value."""
        raise NotImplementedError(f"{type(self).__name__}: mode is not implemented.")

    @property
    def variance(self) -> Any:
        """The variance."""
        raise NotImplementedError(f"{type(self).__name__}: variance is not implemented.")

    @property
    def stddev(self) -> Any:
        """The standard deviation."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        """Values in sample_shape + batch_shape + event_shape, without gradients."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        """The same with gradients with respect to the parameters, where has_rsample says so."""
        raise NotImplementedError(f"{type(self).__name__}: it has no gradient through samples; use sample().")

    def sample_n(self, n: int) -> Tensor:
        """n values. Deprecated: use sample((n,))."""
        warnings.warn("sample_n(n) is deprecated; use sample((n,)).", FutureWarning, stacklevel=2)
        return self.sample((n,))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or of the probability, at a value."""
        raise NotImplementedError(f"{type(self).__name__}: log_prob is not implemented.")

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of values up to this one."""
        raise NotImplementedError(f"{type(self).__name__}: cdf is not implemented.")

    def icdf(self, value: Tensor) -> Tensor:
        """The value up to which there is this probability."""
        raise NotImplementedError(f"{type(self).__name__}: icdf is not implemented.")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values along a new first dimension. expand: over the batch, else its dimensions are 1."""
        raise NotImplementedError(f"{type(self).__name__}: its values cannot be enumerated.")

    def entropy(self) -> Tensor:
        """The entropy, in nats. Shapes: batch_shape."""
        raise NotImplementedError(f"{type(self).__name__}: entropy is not implemented.")

    def perplexity(self) -> Tensor:
        """exp of the entropy."""
        return self.entropy().exp()

    def _extended_shape(self, sample_shape: Any = NO_SHAPE) -> Size:
        return size(size(sample_shape) + self._batch_shape + self._event_shape)

    def _check(self, value: Any) -> None:
        """_validate_sample, where arguments are checked."""
        if self._validate_args:
            self._validate_sample(value)

    def _validate_sample(self, value: Any) -> None:
        """Raises: ValueError for a value whose shape does not fit, or that lies outside of the support."""
        who = type(self).__name__
        if not isinstance(value, Tensor):
            raise ValueError(f"{who}: the value is {describe(value)}; a Tensor is needed.")
        given, wanted = tuple(value.shape), tuple(self._batch_shape + self._event_shape)
        own = len(self._event_shape)
        if given[len(given) - own :] != tuple(self._event_shape):
            raise ValueError(
                f"{who}: the value is {list(given)}; it must end with {list(self._event_shape)}."
            )
        for i, j in zip(reversed(given), reversed(wanted), strict=False):
            if i != 1 and j not in (1, i):
                raise ValueError(f"{who}: the value is {list(given)}, which does not fit {list(wanted)}.")
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{who}: it has no support, so that values cannot be checked. Define it, or pass "
                "validate_args=False.",
                stacklevel=4,
            )
            return
        if not support.check(value).all():
            raise ValueError(f"{who}: the {list(given)} value is not all within {support!r}:\n{value}")

    def _get_checked_instance(self, cls: Any, _instance: Any = None) -> Any:
        if _instance is None and type(self).__init__ != cls.__init__:
            raise NotImplementedError(
                f"{type(self).__name__}: it has an __init__ of its own, and so needs an expand() of its own."
            )
        return object.__new__(type(self)) if _instance is None else _instance

    def __repr__(self) -> str:
        known = [(k, self.__dict__[k]) for k in self.arg_constraints if k in self.__dict__]
        inner = ", ".join([f"{k}: {v if v.numel() == 1 else v.size()}" for k, v in known])
        return f"{type(self).__name__}({inner})"

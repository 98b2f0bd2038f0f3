"""What every transform does, and transforms made of transforms. Source: torch.distributions.transforms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

import tapegrad.ops as F
from tapegrad.distributions import constraints
from tapegrad.distributions.utils import lazy_property, sum_rightmost
from tapegrad.tensor import Tensor


def _nothing() -> None:
    """The reference to an inverse that is not there."""


class Transform:
    """A map x to y, from `domain` into `codomain`.

    cache_size: 1 keeps the last pair, for maps whose inverse is expensive or inexact.

    A class of its own has `_call`, `_inverse`, `log_abs_det_jacobian` and, where shapes change,
    `forward_shape` and `inverse_shape`.
    """

    bijective: Any = False
    domain: Any
    codomain: Any

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ValueError(f"Transform: cache_size is {cache_size}; 0 or 1 is needed.")
        self._cache_size = cache_size
        self._origin: Transform | None = None  # whose inverse this is
        self._inv: Callable[[], Transform | None] = _nothing  # the inverse, which holds this one
        self._cached_x_y: tuple[Any, Any] = None, None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_inv": _nothing}

    @property
    def event_dim(self) -> int:
        """How many dimensions make one value, where both sides agree. Raises: ValueError elsewhere."""
        if self.domain.event_dim != self.codomain.event_dim:
            raise ValueError(f"{self!r}: event_dim differs between the sides; ask domain or codomain.")
        return self.domain.event_dim  # type: ignore[no-any-return] # an int

    @property
    def inv(self) -> Transform:
        """The inverse, whose inverse is this transform."""
        if self._origin is not None:
            return self._origin
        inverse = self._inv()
        if inverse is None:
            inverse = self._inverted()
            inverse._origin, self._inv = self, ref(inverse)
        return inverse

    def _inverted(self) -> Transform:
        return _InverseTransform(self)

    @property
    def sign(self) -> Any:
        """1 for a map that increases, -1 for one that decreases."""
        raise NotImplementedError(f"{type(self).__name__}: it has no sign.")

    def _arguments(self) -> tuple[Any, ...]:
        """What makes another of the same kind, besides cache_size."""
        return ()

    def with_cache(self, cache_size: int = 1) -> Transform:
        """The same with a cache of this size."""
        if self._cache_size == cache_size:
            return self
        if type(self).__init__ is not Transform.__init__ and not self._arguments():
            raise NotImplementedError(f"{type(self).__name__}: with_cache is not implemented.")
        make: Any = type(self)
        return make(*self._arguments(), cache_size=cache_size)  # type: ignore[no-any-return] # an array

    __hash__ = None  # type: ignore[assignment] # as torch's: equality may read tensors

    def __eq__(self, other: object) -> bool:
        return self is other

    def __call__(self, x: Any) -> Any:
        """y of x."""
        known, y = self._cached_x_y
        if self._cache_size and x is known:
            return y
        y = self._call(x)
        if self._cache_size:
            self._cached_x_y = x, y
        return y

    def _inv_call(self, y: Any) -> Any:
        x, known = self._cached_x_y
        if self._cache_size and y is known:
            return x
        x = self._inverse(y)
        if self._cache_size:
            self._cached_x_y = x, y
        return x

    def _call(self, x: Any) -> Any:
        raise NotImplementedError

    def _inverse(self, y: Any) -> Any:
        raise NotImplementedError

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """log |det dy/dx|, summed over the event."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def _need(self, shape: Any, dims: int) -> None:
        if len(shape) < dims:
            raise ValueError(f"{type(self).__name__}: a {len(shape)}-d shape is given; {dims} are needed.")

    def forward_shape(self, shape: Any) -> Any:
        """The shape of y for a shape of x."""
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        """The shape of x for a shape of y."""
        return shape


class _InverseTransform(Transform):
    """The other direction of a transform."""

    _origin: Transform

    def __init__(self, transform: Transform) -> None:
        super().__init__(cache_size=transform._cache_size)
        self._origin = transform

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Any:
        return self._origin.codomain

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Any:
        return self._origin.domain

    @property
    def bijective(self) -> bool:
        return self._origin.bijective  # type: ignore[no-any-return] # a bool

    @property
    def sign(self) -> Any:
        return self._origin.sign

    def with_cache(self, cache_size: int = 1) -> Transform:
        return self._origin.with_cache(cache_size).inv

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _InverseTransform) and self._origin == other._origin

    __hash__ = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._origin!r})"

    def __call__(self, x: Any) -> Any:
        return self._origin._inv_call(x)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -self._origin.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: Any) -> Any:
        return self._origin.inverse_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self._origin.forward_shape(shape)


class ComposeTransform(Transform):
    """Transforms one after another."""

    def __init__(self, parts: Sequence[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.parts = [part.with_cache(cache_size) for part in parts] if cache_size else parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ComposeTransform) and self.parts == other.parts

    __hash__ = None

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Any:
        if not self.parts:
            return constraints.real
        dims = self.parts[-1].codomain.event_dim
        for part in reversed(self.parts):
            dims = max(dims + part.domain.event_dim - part.codomain.event_dim, part.domain.event_dim)
        return _of_dims(self.parts[0].domain, dims)

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Any:
        if not self.parts:
            return constraints.real
        dims = self.parts[0].domain.event_dim
        for part in self.parts:
            dims = max(dims + part.codomain.event_dim - part.domain.event_dim, part.codomain.event_dim)
        return _of_dims(self.parts[-1].codomain, dims)

    @lazy_property
    def bijective(self) -> bool:
        return all(p.bijective for p in self.parts)

    @lazy_property
    def sign(self) -> Any:
        sign = 1
        for p in self.parts:
            sign = sign * p.sign
        return sign

    def _inverted(self) -> Transform:
        return ComposeTransform([p.inv for p in reversed(self.parts)])

    def _arguments(self) -> tuple[Any, ...]:
        return (self.parts,)

    def __call__(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        if not self.parts:
            return F.zeros_like(x)
        total: Any = None
        dims = self.domain.event_dim
        for i, part in enumerate(self.parts):
            after = part(x) if i + 1 < len(self.parts) else y
            slope = sum_rightmost(part.log_abs_det_jacobian(x, after), dims - part.domain.event_dim)
            total = slope if total is None else total + slope
            dims += part.codomain.event_dim - part.domain.event_dim
            x = after
        return total

    def forward_shape(self, shape: Any) -> Any:
        for part in self.parts:
            shape = part.forward_shape(shape)
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return shape

    def __repr__(self) -> str:
        return f"{type(self).__name__}(\n    " + ",\n    ".join([repr(p) for p in self.parts]) + "\n)"


def _of_dims(constraint: Any, dims: int) -> Any:
    """A constraint whose values have `dims` dimensions."""
    more = dims - constraint.event_dim
    return constraints.independent(constraint, more) if more else constraint


identity_transform = ComposeTransform([])


class IndependentTransform(Transform):
    """A transform whose last batch dimensions belong to the event."""

    def __init__(
        self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0
    ) -> None:
        super().__init__(cache_size=cache_size)
        self.base_transform = base_transform.with_cache(cache_size)
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    def _arguments(self) -> tuple[Any, ...]:
        return self.base_transform, self.reinterpreted_batch_ndims

    @constraints.dependent_property(is_discrete=False)
    def domain(self) -> Any:
        return constraints.independent(self.base_transform.domain, self.reinterpreted_batch_ndims)

    @constraints.dependent_property(is_discrete=False)
    def codomain(self) -> Any:
        return constraints.independent(self.base_transform.codomain, self.reinterpreted_batch_ndims)

    @property
    def bijective(self) -> bool:
        return self.base_transform.bijective  # type: ignore[no-any-return] # a bool

    @property
    def sign(self) -> Any:
        return self.base_transform.sign

    def _call(self, x: Tensor) -> Any:
        self._need(x.shape, self.domain.event_dim)
        return self.base_transform(x)

    def _inverse(self, y: Tensor) -> Any:
        self._need(y.shape, self.codomain.event_dim)
        return self.base_transform.inv(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return sum_rightmost(self.base_transform.log_abs_det_jacobian(x, y), self.reinterpreted_batch_ndims)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_transform!r}, {self.reinterpreted_batch_ndims})"

    def forward_shape(self, shape: Any) -> Any:
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self.base_transform.inverse_shape(shape)

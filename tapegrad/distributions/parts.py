"""Transforms of the parts of a tensor. Source: torch.distributions.transforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tapegrad.ops as F
from tapegrad.distributions import constraints
from tapegrad.distributions.transform import Transform
from tapegrad.distributions.utils import lazy_property, sum_rightmost
from tapegrad.tensor import Tensor


class _Parts(Transform):
    """Transforms of the parts of a tensor along a dimension."""

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        if not all(isinstance(t, Transform) for t in tseq):
            raise AssertionError(f"{type(self).__name__}: {tseq!r} is given; Transforms are needed.")
        super().__init__(cache_size=cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.dim = dim

    @property
    def bijective(self) -> bool:
        return all(t.bijective for t in self.transforms)

    def _split(self, x: Tensor) -> Sequence[Tensor]:
        raise NotImplementedError

    def _join(self, parts: Sequence[Tensor]) -> Tensor:
        raise NotImplementedError

    def _need_length(self, x: Tensor, length: int) -> None:
        if not -x.dim() <= self.dim < x.dim() or x.size(self.dim) != length:
            raise AssertionError(
                f"{type(self).__name__}: the tensor is {list(x.shape)}; dim {self.dim} must have {length}."
            )

    def _call(self, x: Tensor) -> Tensor:
        return self._join([t(v) for t, v in zip(self.transforms, self._split(x), strict=True)])

    def _inverse(self, y: Tensor) -> Tensor:
        return self._join([t.inv(v) for t, v in zip(self.transforms, self._split(y), strict=True)])

    def _slopes(self, x: Tensor, y: Tensor) -> list[Tensor]:
        parts = zip(self.transforms, self._split(x), self._split(y), strict=True)
        return [t.log_abs_det_jacobian(u, v) for t, u, v in parts]


class CatTransform(_Parts):
    """A transform for each part of `lengths` (1 each) along a dimension."""

    def __init__(
        self, tseq: Sequence[Transform], dim: int = 0, lengths: Any = None, cache_size: int = 0
    ) -> None:
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise AssertionError(
                f"CatTransform: {len(self.lengths)} lengths are given for {len(self.transforms)} transforms."
            )

    @lazy_property
    def event_dim(self) -> int:
        return max(t.event_dim for t in self.transforms)

    @lazy_property
    def length(self) -> int:
        return sum(self.lengths)

    def _arguments(self) -> tuple[Any, ...]:
        return self.transforms, self.dim, self.lengths

    def _split(self, x: Tensor) -> Sequence[Tensor]:
        self._need_length(x, self.length)
        return x.split(self.lengths, self.dim)

    def _join(self, parts: Sequence[Tensor]) -> Tensor:
        return F.cat(parts, self.dim)  # type: ignore[no-any-return] # a Tensor

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        slopes = self._slopes(x, y)
        pairs = zip(self.transforms, slopes, strict=True)
        slopes = [sum_rightmost(s, self.event_dim - t.event_dim) for t, s in pairs]
        dim = self.dim - x.dim() * (self.dim >= 0) + self.event_dim
        return F.cat(slopes, dim) if dim < 0 else sum(slopes[1:], slopes[0])

    @constraints.dependent_property
    def domain(self) -> Any:
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @constraints.dependent_property
    def codomain(self) -> Any:
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)


class StackTransform(_Parts):
    """A transform for each index of a dimension."""

    def _arguments(self) -> tuple[Any, ...]:
        return self.transforms, self.dim

    def _split(self, x: Tensor) -> Sequence[Tensor]:
        self._need_length(x, len(self.transforms))
        return x.unbind(self.dim)

    def _join(self, parts: Sequence[Tensor]) -> Tensor:
        return F.stack(parts, self.dim)  # type: ignore[no-any-return] # a Tensor

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return self._join(self._slopes(x, y))

    @constraints.dependent_property
    def domain(self) -> Any:
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @constraints.dependent_property
    def codomain(self) -> Any:
        return constraints.stack([t.codomain for t in self.transforms], self.dim)

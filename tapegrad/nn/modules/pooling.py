"""Pools as modules."""

from __future__ import annotations

from typing import Any

from tapegrad.nn.modules.module import Module
from tapegrad.nn.modules.utils import _ntuple, _single
from tapegrad.ops.networks import adaptive as A
from tapegrad.ops.networks import pooling as P
from tapegrad.tensor import Tensor

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]

Sizes = int | tuple[int, ...]
OptionalSizes = int | tuple[int | None, ...] | None


class _MaxPoolNd(Module):
    _run: Any

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        """The largest element of each window; with return_indices which that is, too."""
        return self._run(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )

    def extra_repr(self) -> str:
        """The arguments."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class _AvgPoolNd(Module):
    _run: Any

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """The mean of each window."""
        return self._run(  # type: ignore[no-any-return] # a Tensor
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        """The arguments."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPoolNd):
    """Means of windows of [N, C, L] or [C, L]. Source: torch.nn.AvgPool1d."""

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(_single(kernel_size), stride, _single(padding), ceil_mode, count_include_pad)
        self.stride = _single(self.stride)
        del self.divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """The mean of each window."""
        return P.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )


class _LPPoolNd(Module):
    _run: Any

    def __init__(
        self,
        norm_type: float,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        """The p-norm of each window."""
        return self._run(  # type: ignore[no-any-return] # a Tensor
            input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode
        )

    def extra_repr(self) -> str:
        """The arguments."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class _AdaptiveMaxPoolNd(Module):
    _run: Any

    def __init__(self, output_size: OptionalSizes, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """The largest element of each window; with return_indices which that is, too."""
        return self._run(input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"output_size={self.output_size}"


class _AdaptiveAvgPoolNd(Module):
    _run: Any

    def __init__(self, output_size: OptionalSizes) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """The mean of each window."""
        return self._run(input, self.output_size)  # type: ignore[no-any-return] # a Tensor

    def extra_repr(self) -> str:
        """The arguments."""
        return f"output_size={self.output_size}"


class _MaxUnpoolNd(Module):
    _run: Any
    _n: int

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        super().__init__()
        each = _ntuple(self._n)
        self.kernel_size = each(kernel_size)
        self.stride = each(stride if stride is not None else kernel_size)
        self.padding = each(padding)

    def forward(self, input: Tensor, indices: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Zeros with the elements of input where indices say."""
        return self._run(  # type: ignore[no-any-return] # a Tensor
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )

    def extra_repr(self) -> str:
        """The arguments."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _FractionalMaxPoolNd(Module):
    _run: Any
    _n: int
    _random_samples: Tensor | None

    def __init__(
        self,
        kernel_size: Sizes,
        output_size: Sizes | None = None,
        output_ratio: float | tuple[float, ...] | None = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        op, each = type(self).__name__, _ntuple(self._n)
        self.kernel_size = each(kernel_size)
        if self._n == 3 and any(k <= 0 for k in self.kernel_size):
            raise ValueError(f"{op}: kernel_size is {kernel_size}; 1 or more is needed.")
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else each(output_size)
        self.output_ratio = None if output_ratio is None else each(output_ratio)
        if (output_size is None) == (output_ratio is None):
            raise ValueError(
                f"{op}: output_size is {output_size} and output_ratio {output_ratio}; one of them is needed."
            )
        if self.output_ratio is not None and not all(0 < r < 1 for r in self.output_ratio):
            raise ValueError(f"{op}: output_ratio is {output_ratio}; numbers between 0 and 1 are needed.")

    def forward(self, input: Tensor) -> Any:
        """The largest element of each window; with return_indices which that is, too."""
        return self._run(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class MaxPool1d(_MaxPoolNd):
    """Largest elements of windows of [N, C, L] or [C, L]. Source: torch.nn.MaxPool1d."""

    _run = staticmethod(P.max_pool1d)


class MaxPool2d(_MaxPoolNd):
    """Largest elements of windows of [N, C, H, W] or [C, H, W]. Source: torch.nn.MaxPool2d."""

    _run = staticmethod(P.max_pool2d)


class MaxPool3d(_MaxPoolNd):
    """Largest elements of windows of [N, C, D, H, W] or [C, D, H, W]. Source: torch.nn.MaxPool3d."""

    _run = staticmethod(P.max_pool3d)


class AvgPool2d(_AvgPoolNd):
    """Means of windows of [N, C, H, W] or [C, H, W]. Source: torch.nn.AvgPool2d."""

    _run = staticmethod(P.avg_pool2d)


class AvgPool3d(_AvgPoolNd):
    """Means of windows of [N, C, D, H, W] or [C, D, H, W]. Source: torch.nn.AvgPool3d."""

    _run = staticmethod(P.avg_pool3d)


class LPPool1d(_LPPoolNd):
    """Norms of windows of [N, C, L] or [C, L]. Source: torch.nn.LPPool1d."""

    _run = staticmethod(P.lp_pool1d)


class LPPool2d(_LPPoolNd):
    """Norms of windows of [N, C, H, W] or [C, H, W]. Source: torch.nn.LPPool2d."""

    _run = staticmethod(P.lp_pool2d)


class LPPool3d(_LPPoolNd):
    """Norms of windows of [N, C, D, H, W] or [C, D, H, W]. Source: torch.nn.LPPool3d."""

    _run = staticmethod(P.lp_pool3d)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Largest elements of so many windows of [N, C, L] or [C, L].

    Source: torch.nn.AdaptiveMaxPool1d.
    """

    _run = staticmethod(A.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Largest elements of so many windows of [N, C, H, W] or [C, H, W].

    Source: torch.nn.AdaptiveMaxPool2d.
    """

    _run = staticmethod(A.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Largest elements of so many windows of [N, C, D, H, W] or [C, D, H, W].

    Source: torch.nn.AdaptiveMaxPool3d.
    """

    _run = staticmethod(A.adaptive_max_pool3d)


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Means of so many windows of [N, C, L] or [C, L]. Source: torch.nn.AdaptiveAvgPool1d."""

    _run = staticmethod(A.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Means of so many windows of [N, C, H, W] or [C, H, W]. Source: torch.nn.AdaptiveAvgPool2d."""

    _run = staticmethod(A.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Means of so many windows of [N, C, D, H, W] or [C, D, H, W]. Source: torch.nn.AdaptiveAvgPool3d."""

    _run = staticmethod(A.adaptive_avg_pool3d)


class MaxUnpool1d(_MaxUnpoolNd):
    """Largest elements where they were of [N, C, L] or [C, L]. Source: torch.nn.MaxUnpool1d."""

    _n, _run = 1, staticmethod(A.max_unpool1d)


class MaxUnpool2d(_MaxUnpoolNd):
    """Largest elements where they were of [N, C, H, W] or [C, H, W]. Source: torch.nn.MaxUnpool2d."""

    _n, _run = 2, staticmethod(A.max_unpool2d)


class MaxUnpool3d(_MaxUnpoolNd):
    """Largest elements where they were of [N, C, D, H, W] or [C, D, H, W]. Source: torch.nn.MaxUnpool3d."""

    _n, _run = 3, staticmethod(A.max_unpool3d)


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """Largest elements of windows at random places of [N, C, H, W] or [C, H, W].

    Source: torch.nn.FractionalMaxPool2d.
    """

    _n, _run = 2, staticmethod(A.fractional_max_pool2d)


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """Largest elements of windows at random places of [N, C, D, H, W] or [C, D, H, W].

    Source: torch.nn.FractionalMaxPool3d.
    """

    _n, _run = 3, staticmethod(A.fractional_max_pool3d)

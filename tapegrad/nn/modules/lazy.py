"""Modules that learn the sizes of their parameters from their first input, or from a state_dict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tapegrad._errors import describe
from tapegrad.autograd import no_grad
from tapegrad.dtypes import NAMES
from tapegrad.nn.modules.batchnorm import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    _Running,
)
from tapegrad.nn.modules.conv import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    _Conv,
    _ConvNd,
    _ConvTransposeNd,
)
from tapegrad.nn.modules.linear import Linear
from tapegrad.nn.modules.module import Module
from tapegrad.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy
from tapegrad.ops.create import zeros
from tapegrad.tensor import Tensor

__all__ = [
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
    "LazyLinear",
]

Sizes = int | tuple[int, ...]


class LazyModuleMixin(Module):
    """A module that calls `initialize_parameters` with its first input, and becomes `cls_to_become`.

    Source: torch.nn.modules.lazy.LazyModuleMixin.
    """

    cls_to_become: type[Module] | None = None

    def _held(self) -> Iterator[tuple[str, Any]]:
        yield from self._parameters.items()
        yield from self._buffers.items()

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer has no shape yet."""
        return any(is_lazy(t) for _, t in self._held())

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters their shapes, by an input; each subclass defines it."""
        raise NotImplementedError(
            f"{type(self).__name__}: initialize_parameters is not defined; define "
            "initialize_parameters(self, input)."
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if type(self).cls_to_become is None and not self.has_uninitialized_params():
            return super().__call__(*args, **kwargs)
        self.initialize_parameters(*args, **kwargs)
        if self.has_uninitialized_params():
            raise RuntimeError(
                f"{type(self).__name__}: a parameter has no shape after initialize_parameters; give it one."
            )
        if self.cls_to_become is not None:
            self.__class__ = self.cls_to_become  # type: ignore[assignment] # it has what that class has
            return self(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for name, t in self._held():
            if is_lazy(t):
                destination[prefix + name] = t

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        for name, t in self._held():
            given = state_dict.get(prefix + name)
            if is_lazy(t) and given is not None and not is_lazy(given):
                t.materialize(given.shape)
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _materialize(t: Any, shape: tuple[int, ...]) -> None:
    t.materialize(shape)


class LazyLinear(LazyModuleMixin, Linear):
    """A Linear whose in_features is the last size of its first input. Source: torch.nn.LazyLinear."""

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, 0, False)
        kinds = {"device": device, "dtype": dtype}
        self.weight = UninitializedParameter(**kinds)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(**kinds)

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, once they have shapes."""
        if not self.has_uninitialized_params() and self.in_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take in_features from the input."""
        if self.has_uninitialized_params():
            with no_grad():
                self.in_features = input.shape[-1]
                _materialize(self.weight, (self.out_features, self.in_features))
                if self.bias is not None:
                    _materialize(self.bias, (self.out_features,))
                self.reset_parameters()
        elif self.in_features == 0:  # a state_dict was loaded
            self.in_features = self.weight.shape[-1]


class _LazyConv(LazyModuleMixin, _ConvNd):
    def _begin(self, out_channels: int, bias: bool, device: Any, dtype: Any) -> None:
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_channels = out_channels
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, once they have shapes."""
        if not self.has_uninitialized_params() and self.in_channels:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """Take in_channels from the input. Raises: RuntimeError for other numbers of dimensions, ValueError
        if groups does not divide the channels."""
        if not self.has_uninitialized_params():
            return
        op, n = type(self).__name__, self._n
        if input.dim() not in (n + 1, n + 2):
            raise RuntimeError(f"{op}: input is {describe(input)}; {n + 1} or {n + 2} dimensions are needed.")
        channels = input.shape[-n - 1]
        if channels % self.groups:
            raise ValueError(f"{op}: input is {describe(input)} and groups {self.groups}; it must divide.")
        self.in_channels = channels
        first, second = channels, self.out_channels
        if not self.transposed:
            first, second = second, first
        _materialize(self.weight, (first, second // self.groups, *self.kernel_size))
        if self.bias is not None:
            _materialize(self.bias, (self.out_channels,))
        self.reset_parameters()


class _LazyForward(_LazyConv, _Conv):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: str | Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, device, dtype
        )
        self._begin(out_channels, bias, device, dtype)


class _LazyTranspose(_LazyConv, _ConvTransposeNd):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            *(0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode),
            device,
            dtype,
        )
        self._begin(out_channels, bias, device, dtype)


class LazyConv1d(_LazyForward, Conv1d):
    """A Conv1d whose in_channels are those of its first input. Source: torch.nn.LazyConv1d."""

    cls_to_become = Conv1d


class LazyConv2d(_LazyForward, Conv2d):
    """A Conv2d whose in_channels are those of its first input. Source: torch.nn.LazyConv2d."""

    cls_to_become = Conv2d


class LazyConv3d(_LazyForward, Conv3d):
    """A Conv3d whose in_channels are those of its first input. Source: torch.nn.LazyConv3d."""

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyTranspose, ConvTranspose1d):
    """A ConvTranspose1d whose in_channels are those of its first input.

    Source: torch.nn.LazyConvTranspose1d.
    """

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyTranspose, ConvTranspose2d):
    """A ConvTranspose2d whose in_channels are those of its first input.

    Source: torch.nn.LazyConvTranspose2d.
    """

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyTranspose, ConvTranspose3d):
    """A ConvTranspose3d whose in_channels are those of its first input.

    Source: torch.nn.LazyConvTranspose3d.
    """

    cls_to_become = ConvTranspose3d


class _LazyNorm(LazyModuleMixin, _Running):
    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)
        self.affine, self.track_running_stats = affine, track_running_stats
        kinds = {"device": device, "dtype": dtype}
        if affine:
            self.weight = UninitializedParameter(**kinds)
            if bias:
                self.bias = UninitializedParameter(**kinds)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(**kinds)
            self.running_var = UninitializedBuffer(**kinds)
            self.num_batches_tracked = zeros((), dtype=NAMES["int64"])

    def reset_parameters(self) -> None:
        """Set weights to 1 and biases to 0, and forget the statistics, once they have shapes."""
        if not self.has_uninitialized_params() and self.num_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take num_features from the input."""
        if not self.has_uninitialized_params():
            return
        self.num_features = input.shape[1]
        for _, t in self._held():
            if is_lazy(t):
                t.materialize((self.num_features,))
        self.reset_parameters()


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """A BatchNorm1d whose num_features are its first input's channels. Source: torch.nn.LazyBatchNorm1d."""

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """A BatchNorm2d whose num_features are its first input's channels. Source: torch.nn.LazyBatchNorm2d."""

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """A BatchNorm3d whose num_features are its first input's channels. Source: torch.nn.LazyBatchNorm3d."""

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, InstanceNorm1d):
    """An InstanceNorm1d whose num_features are its first input's channels.

    Source: torch.nn.LazyInstanceNorm1d.
    """

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, InstanceNorm2d):
    """An InstanceNorm2d whose num_features are its first input's channels.

    Source: torch.nn.LazyInstanceNorm2d.
    """

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, InstanceNorm3d):
    """An InstanceNorm3d whose num_features are its first input's channels.

    Source: torch.nn.LazyInstanceNorm3d.
    """

    cls_to_become = InstanceNorm3d

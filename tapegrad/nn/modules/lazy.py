"""Modules that learn from their first input how large it is."""

from __future__ import annotations

from typing import Any

from tapegrad._errors import sizes
from tapegrad.autograd import no_grad
from tapegrad.dtypes import NAMES
from tapegrad.nn.modules import batchnorm as B
from tapegrad.nn.modules import conv as C
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


class LazyModuleMixin(Module):
    """A module with parameters whose shape follows from its first input: `initialize_parameters` gives it to
    them before the first forward. Then the module becomes a `cls_to_become`.

    Source: torch.nn.modules.lazy.LazyModuleMixin.
    """

    cls_to_become: type[Module] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._inferred = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self._inferred:
            self._infer_parameters(self, args, kwargs)
            return self(*args, **kwargs)  # perhaps of another class now
        return super().__call__(*args, **kwargs)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give all parameters their shapes, for the input of a first call; subclasses define it."""
        raise NotImplementedError(
            f"{type(self).__name__}: initialize_parameters is not defined; define it to infer the shapes."
        )

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer has no shape yet."""
        return any(map(is_lazy, (*self._parameters.values(), *self._buffers.values())))

    def _infer_parameters(self, module: Any, args: Any, kwargs: Any = None) -> None:
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(
                f"{self._get_name()}: initialize_parameters has left parameters without a shape; give one to "
                "each, with materialize()."
            )
        module._inferred = True
        if module.cls_to_become is not None:
            del module._inferred
            module.__class__ = module.cls_to_become

    def _unmade(self, weight: bool, bias: bool, kinds: Any) -> None:
        """Parameters without shapes where there should be parameters."""
        for name, wanted in (("weight", weight), ("bias", bias)):
            if wanted:
                setattr(self, name, UninitializedParameter(**kinds))


class LazyLinear(LazyModuleMixin, Linear):
    """Linear that takes in_features from its first input. Source: torch.nn.LazyLinear."""

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, 0, False)
        self._unmade(True, bias, {"device": device, "dtype": dtype})
        self.out_features = out_features

    def reset_parameters(self) -> None:
        """Draw weight and bias, if their shapes are known."""
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take in_features from the input's last size."""
        n = input.shape[-1]
        if self.has_uninitialized_params():
            self.in_features = n
            with no_grad():
                self.weight.materialize((self.out_features, n))  # type: ignore[attr-defined] # it is lazy
                if self.bias is not None:
                    self.bias.materialize((self.out_features,))  # type: ignore[attr-defined] # it is lazy
            self.reset_parameters()
        if self.in_features == 0:  # its state was loaded
            if n != self.weight.shape[-1]:
                raise AssertionError(
                    f"LazyLinear: input is {sizes(input.shape)} and weight {sizes(self.weight.shape)}; their "
                    "last sizes must be equal."
                )
            self.in_features = n


# ---- convolutions


class _LazyConvXdMixin(LazyModuleMixin, C._ConvNd):
    def reset_parameters(self) -> None:
        """Draw weight and bias, if their shapes are known."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """Take in_channels from the input."""
        if not self.has_uninitialized_params():
            return
        dims = self._n + 1, self._n + 2
        if input.dim() not in dims:
            raise RuntimeError(
                f"{type(self).__name__}: input is {sizes(input.shape)}; {dims[0]} or {dims[1]} dimensions "
                "are needed."
            )
        inputs, outputs = input.shape[-self._n - 1], self.out_channels
        if inputs % self.groups:
            raise ValueError(
                f"{type(self).__name__}: input has {inputs} channels and groups is {self.groups}, which must "
                "divide them."
            )
        self.in_channels = inputs
        first, second = (inputs, outputs) if self.transposed else (outputs, inputs)
        weight: Any = self.weight
        weight.materialize((first, second // self.groups, *self.kernel_size))
        if self.bias is not None:
            self.bias.materialize((outputs,))  # type: ignore[attr-defined] # it is lazy
        self.reset_parameters()


class _LazyConv(_LazyConvXdMixin, C._Conv):
    def __init__(
        self,
        out_channels: int,
        kernel_size: C.Sizes,
        stride: C.Sizes = 1,
        padding: str | C.Sizes = 0,
        dilation: C.Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        how = kernel_size, stride, padding, dilation, groups, False, padding_mode
        super().__init__(0, 0, *how, device, dtype)
        self._unmade(True, bias, {"device": device, "dtype": dtype})
        self.out_channels = out_channels


class LazyConv1d(_LazyConv, C.Conv1d):
    """Conv1d that takes in_channels from its first input. Source: torch.nn.LazyConv1d."""

    cls_to_become = C.Conv1d


class LazyConv2d(_LazyConv, C.Conv2d):
    """Conv2d that takes in_channels from its first input. Source: torch.nn.LazyConv2d."""

    cls_to_become = C.Conv2d


class LazyConv3d(_LazyConv, C.Conv3d):
    """Conv3d that takes in_channels from its first input. Source: torch.nn.LazyConv3d."""

    cls_to_become = C.Conv3d


class _LazyConvTranspose(_LazyConvXdMixin, C._ConvTransposeNd):
    def __init__(
        self,
        out_channels: int,
        kernel_size: C.Sizes,
        stride: C.Sizes = 1,
        padding: C.Sizes = 0,
        output_padding: C.Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: C.Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        how = kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode
        super().__init__(0, 0, *how, device, dtype)
        self._unmade(True, bias, {"device": device, "dtype": dtype})
        self.out_channels = out_channels


class LazyConvTranspose1d(_LazyConvTranspose, C.ConvTranspose1d):
    """ConvTranspose1d that takes in_channels from its first input. Source: torch.nn.LazyConvTranspose1d."""

    cls_to_become = C.ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, C.ConvTranspose2d):
    """ConvTranspose2d that takes in_channels from its first input. Source: torch.nn.LazyConvTranspose2d."""

    cls_to_become = C.ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, C.ConvTranspose3d):
    """ConvTranspose3d that takes in_channels from its first input. Source: torch.nn.LazyConvTranspose3d."""

    cls_to_become = C.ConvTranspose3d


# ---- normalisations of channels


class _LazyNorm(LazyModuleMixin, B._Running):
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
        kinds = {"device": device, "dtype": dtype}
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)
        self.affine, self.track_running_stats = affine, track_running_stats
        self._unmade(affine, affine and bias, kinds)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(**kinds)
            self.running_var = UninitializedBuffer(**kinds)
            self.num_batches_tracked = zeros((), dtype=NAMES["int64"])

    def reset_parameters(self) -> None:
        """Set weights to 1 and biases to 0, and forget the statistics, if their shapes are known."""
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take num_features from the input's channels."""
        if not self.has_uninitialized_params():
            return
        self.num_features = input.shape[1]
        for t in (self.weight, self.bias, self.running_mean, self.running_var):
            if is_lazy(t):
                t.materialize((self.num_features,))  # type: ignore[union-attr] # it is lazy
        self.reset_parameters()


class LazyBatchNorm1d(_LazyNorm, B.BatchNorm1d):
    """BatchNorm1d that takes num_features from its first input. Source: torch.nn.LazyBatchNorm1d."""

    cls_to_become = B.BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, B.BatchNorm2d):
    """BatchNorm2d that takes num_features from its first input. Source: torch.nn.LazyBatchNorm2d."""

    cls_to_become = B.BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, B.BatchNorm3d):
    """BatchNorm3d that takes num_features from its first input. Source: torch.nn.LazyBatchNorm3d."""

    cls_to_become = B.BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, B.InstanceNorm1d):
    """InstanceNorm1d that takes num_features from its first input. Source: torch.nn.LazyInstanceNorm1d."""

    cls_to_become = B.InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, B.InstanceNorm2d):
    """InstanceNorm2d that takes num_features from its first input. Source: torch.nn.LazyInstanceNorm2d."""

    cls_to_become = B.InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, B.InstanceNorm3d):
    """InstanceNorm3d that takes num_features from its first input. Source: torch.nn.LazyInstanceNorm3d."""

    cls_to_become = B.InstanceNorm3d

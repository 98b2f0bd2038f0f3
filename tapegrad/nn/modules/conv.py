"""Convolutions as modules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tapegrad._errors import choices, describe, sizes
from tapegrad.nn import init
from tapegrad.nn.modules.module import Module
from tapegrad.nn.modules.utils import _ntuple, _reverse_repeat_tuple
from tapegrad.nn.parameter import Parameter
from tapegrad.ops.create import empty
from tapegrad.ops.networks import convolution as N
from tapegrad.ops.networks.padding import pad
from tapegrad.tensor import Tensor

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
]

_MODES = ("zeros", "reflect", "replicate", "circular")
Sizes = int | tuple[int, ...]


class _ConvNd(Module):
    """What they share: weights drawn uniformly from +-1/sqrt(fan-in), a window's number of elements."""

    weight: Parameter
    bias: Parameter | None
    _n: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...],
        padding: str | tuple[int, ...],
        dilation: tuple[int, ...],
        transposed: bool,
        output_padding: tuple[int, ...],
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self._check(in_channels, out_channels, stride, padding, groups, padding_mode)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.transposed = transposed
        self.output_padding = output_padding
        self.groups = groups
        self.padding_mode = padding_mode
        self._reversed_padding_repeated_twice = self._sides()
        first, second = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        shape = (first, second // groups, *kernel_size)
        self.weight = Parameter(empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _check(self, inputs: int, outputs: int, stride: Any, padding: Any, groups: int, mode: str) -> None:
        op = type(self).__name__
        if groups <= 0 or inputs % groups or outputs % groups:
            raise ValueError(
                f"{op}: groups is {groups}, in_channels {inputs} and out_channels {outputs}; groups must be "
                "positive and divide both."
            )
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"{op}: padding is {padding!r}; numbers, 'same' or 'valid' are needed.")
            if padding == "same" and any(s != 1 for s in stride):
                raise ValueError(f"{op}: padding is 'same' and stride {stride}; the stride must be 1.")
        if mode not in _MODES:
            raise ValueError(f"{op}: padding_mode is {mode!r}; {choices(_MODES)} is needed.")

    def _sides(self) -> Sequence[int]:
        """The padding as `pad` takes it: two numbers for each dimension, the last one first."""
        if not isinstance(self.padding, str):
            return _reverse_repeat_tuple(self.padding, 2)
        if self.padding == "valid":
            return [0, 0] * len(self.kernel_size)
        total = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
        return [side for t in reversed(total) for side in (t // 2, t - t // 2)]

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan, _ = init._calculate_fan_in_and_fan_out(self.weight)
            bound = 1 / math.sqrt(fan) if fan > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """The arguments."""
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        for name, usual in (("padding", 0), ("dilation", 1), ("output_padding", 0)):
            value = getattr(self, name)
            if value != (usual,) * len(value):
                text += f", {name}={value}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text + (f", padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "")


class _Conv(_ConvNd):
    _run: Any

    def __init__(
        self,
        in_channels: int,
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
        each = _ntuple(self._n)
        super().__init__(
            in_channels,
            out_channels,
            each(kernel_size),
            each(stride),
            padding if isinstance(padding, str) else each(padding),
            each(dilation),
            False,
            each(0),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input = pad(input, self._reversed_padding_repeated_twice, self.padding_mode)
            padding = 0
        return self._run(input, weight, bias, self.stride, padding, self.dilation, self.groups)  # type: ignore[no-any-return] # a Tensor

    def forward(self, input: Tensor) -> Tensor:
        """The convolution of input with weight, plus bias."""
        own = self._parameters
        # As in Linear: without __getattr__, unless a subclass means something else by them.
        if type(self) in (Conv1d, Conv2d, Conv3d) and "weight" in own and "bias" in own:
            return self._conv_forward(input, own["weight"], own["bias"])  # type: ignore[arg-type] # a weight
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Conv):
    """A convolution of [N, C, L] or [C, L]. Source: torch.nn.Conv1d."""

    _n, _run = 1, staticmethod(N.conv1d)


class Conv2d(_Conv):
    """A convolution of [N, C, H, W] or [C, H, W]. Source: torch.nn.Conv2d."""

    _n, _run = 2, staticmethod(N.conv2d)


class Conv3d(_Conv):
    """A convolution of [N, C, D, H, W] or [C, D, H, W]. Source: torch.nn.Conv3d."""

    _n, _run = 3, staticmethod(N.conv3d)


class _ConvTransposeNd(_ConvNd):
    _run: Any

    def __init__(
        self,
        in_channels: int,
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
        if padding_mode != "zeros":
            raise ValueError(
                f"{type(self).__name__}: padding_mode is {padding_mode!r}; only 'zeros' is possible."
            )
        each = _ntuple(self._n)
        super().__init__(
            in_channels,
            out_channels,
            each(kernel_size),
            each(stride),
            each(padding),
            each(dilation),
            True,
            each(output_padding),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _output_padding(self, input: Tensor, output_size: Sequence[int] | None) -> Sequence[int]:
        """What must be added for a result of that size. Raises: ValueError if it cannot have it."""
        if output_size is None:
            return self.output_padding
        n, op = self._n, type(self).__name__
        wanted = list(output_size)
        if len(wanted) == input.dim() == n + 2:
            wanted = wanted[2:]
        if len(wanted) != n:
            raise ValueError(
                f"{op}: output_size is {list(output_size)} and input {describe(input)}; {n} sizes are "
                f"needed, or {n + 2}."
            )
        sides: Any = zip(
            input.shape[-n:], self.stride, self.padding, self.kernel_size, self.dilation, strict=True
        )
        least = [(m - 1) * s - 2 * p + d * (k - 1) + 1 for m, s, p, k, d in sides]
        most = [m + s - 1 for m, s in zip(least, self.stride, strict=True)]
        if any(not a <= w <= b for a, w, b in zip(least, wanted, most, strict=True)):
            raise ValueError(
                f"{op}: output_size is {wanted} and input {sizes(input.shape)}; from {least} to {most} is "
                "possible."
            )
        return [w - m for w, m in zip(wanted, least, strict=True)]

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """The transposed convolution of input with weight, plus bias. output_size: which of the sizes that
        the stride allows."""
        more = self._output_padding(input, output_size)
        return self._run(  # type: ignore[no-any-return] # a Tensor
            input, self.weight, self.bias, self.stride, self.padding, tuple(more), self.groups, self.dilation
        )


class ConvTranspose1d(_ConvTransposeNd):
    """A transposed convolution of [N, C, L] or [C, L]. Source: torch.nn.ConvTranspose1d."""

    _n, _run = 1, staticmethod(N.conv_transpose1d)


class ConvTranspose2d(_ConvTransposeNd):
    """A transposed convolution of [N, C, H, W] or [C, H, W]. Source: torch.nn.ConvTranspose2d."""

    _n, _run = 2, staticmethod(N.conv_transpose2d)


class ConvTranspose3d(_ConvTransposeNd):
    """A transposed convolution of [N, C, D, H, W] or [C, D, H, W]. Source: torch.nn.ConvTranspose3d."""

    _n, _run = 3, staticmethod(N.conv_transpose3d)

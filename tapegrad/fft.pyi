"""Made by tools/stubs.py from the registry of operations. Do not edit."""

import builtins
from collections.abc import Sequence
from typing import Any

from tapegrad.tensor import Tensor

def fft(
    input: Tensor,
    n: builtins.int | None = ...,
    dim: builtins.int = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def fft2(
    input: Tensor,
    s: Sequence[builtins.int] | None = ...,
    dim: Sequence[builtins.int] | None = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def fftfreq(
    n: builtins.int,
    d: builtins.float = ...,
    *,
    out: Tensor | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor: ...
def fftn(
    input: Tensor,
    s: Sequence[builtins.int] | None = ...,
    dim: Sequence[builtins.int] | None = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def fftshift(input: Tensor, dim: builtins.int | Sequence[builtins.int] | None = ...) -> Tensor: ...
def hfft(
    input: Tensor,
    n: builtins.int | None = ...,
    dim: builtins.int = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def hfft2(
    input: Tensor,
    s: Sequence[builtins.int] | None = ...,
    dim: Sequence[builtins.int] | None = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def hfftn(
    input: Tensor,
    s: Sequence[builtins.int] | None = ...,
    dim: Sequence[builtins.int] | None = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def ifft(
    input: Tensor,
    n: builtins.int | None = ...,
    dim: builtins.int = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def ifft2(
    input: Tensor,
    s: Sequence[builtins.int] | None = ...,
    dim: Sequence[builtins.int] | None = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def ifftn(
    input: Tensor,
    s: Sequence[builtins.int] | None = ...,
    dim: Sequence[builtins.int] | None = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def ifftshift(input: Tensor, dim: builtins.int | Sequence[builtins.int] | None = ...) -> Tensor: ...
def ihfft(
    input: Tensor,
    n: builtins.int | None = ...,
    dim: builtins.int = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def ihfft2(
    input: Tensor,
    s: Sequence[builtins.int] | None = ...,
    dim: Sequence[builtins.int] | None = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def ihfftn(
    input: Tensor,
    s: Sequence[builtins.int] | None = ...,
    dim: Sequence[builtins.int] | None = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def irfft(
    input: Tensor,
    n: builtins.int | None = ...,
    dim: builtins.int = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def irfft2(
    input: Tensor,
    s: Sequence[builtins.int] | None = ...,
    dim: Sequence[builtins.int] | None = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def irfftn(
    input: Tensor,
    s: Sequence[builtins.int] | None = ...,
    dim: Sequence[builtins.int] | None = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def rfft(
    input: Tensor,
    n: builtins.int | None = ...,
    dim: builtins.int = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def rfft2(
    input: Tensor,
    s: Sequence[builtins.int] | None = ...,
    dim: Sequence[builtins.int] | None = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def rfftfreq(
    n: builtins.int,
    d: builtins.float = ...,
    *,
    out: Tensor | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor: ...
def rfftn(
    input: Tensor,
    s: Sequence[builtins.int] | None = ...,
    dim: Sequence[builtins.int] | None = ...,
    norm: str | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...

__all__: list[str]

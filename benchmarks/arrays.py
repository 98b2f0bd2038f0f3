"""Cases of large arrays: where the machine's limits count, not the calls. `python -m benchmarks.limits`
measures those limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tapegrad.cli.ways import Library

Run = Callable[[int], None]
Check = Callable[[], list[float]]


def _both_ways(lib: Library, shapes: list[tuple[int, ...]], compute: Callable[..., Any]) -> tuple[Run, Check]:
    """compute(library, *tensors) to a scalar, and back to the tensors."""
    lib.torch.manual_seed(0)
    xs = [lib.torch.randn(*shape).requires_grad_() for shape in shapes]

    def step() -> Any:
        for x in xs:
            x.grad = None
        loss = compute(lib, *xs)
        loss.backward()
        return loss

    def run(n: int) -> None:
        for _ in range(n):
            step()

    def check() -> list[float]:
        loss = float(step().detach())
        return [loss / xs[0].numel(), *[float(v) for x in xs for v in x.grad.reshape(-1)[:8].tolist()]]

    return run, check


def elementwise(lib: Library) -> tuple[Run, Check]:
    """gelu(x) * sigmoid(x) + tanh(x) of 4 million numbers, and back."""

    def compute(lib: Library, x: Any) -> Any:
        torch = lib.torch
        return (lib.F.gelu(x) * torch.sigmoid(x) + torch.tanh(x)).sum()

    return _both_ways(lib, [(1 << 22,)], compute)


def softmax_ce(lib: Library) -> tuple[Run, Check]:
    """Cross entropy of 4096 rows of 4096 scores, and back."""
    lib.torch.manual_seed(1)
    labels = lib.torch.randint(0, 4096, (4096,))
    return _both_ways(lib, [(4096, 4096)], lambda lib, x: lib.F.cross_entropy(x, labels))


def gemm(lib: Library) -> tuple[Run, Check]:
    """A product of 1024 x 1024 matrices, and back to both."""
    return _both_ways(lib, [(1024, 1024)] * 2, lambda lib, a, b: (a @ b).sum())


# What a convolution is: (images, channels, size, out channels, kernel, stride, groups).
CONVOLUTIONS = {
    "conv1": (32, 64, 28, 64, 1, 1, 1),
    "conv1_wide": (16, 256, 14, 64, 1, 1, 1),
    "conv1_strided": (16, 128, 28, 128, 1, 2, 1),
    "conv3_image": (32, 3, 32, 16, 3, 1, 1),
    "conv3": (32, 16, 32, 16, 3, 1, 1),
    "conv3_mid": (32, 32, 16, 64, 3, 1, 1),
    "conv3_deep": (16, 128, 8, 128, 3, 1, 1),
    "conv3_strided": (32, 32, 32, 64, 3, 2, 1),
    "conv3_depthwise": (16, 64, 28, 64, 3, 1, 64),
    "conv5": (64, 6, 14, 16, 5, 1, 1),
    "conv5_first": (64, 1, 28, 6, 5, 1, 1),
    "conv7_strided": (8, 3, 112, 32, 7, 2, 1),
}


def convolution(name: str) -> Callable[[Library], tuple[Run, Check]]:
    """A convolution by its name, and back to the input and the weight."""
    images, channels, size, out, kernel, stride, groups = CONVOLUTIONS[name]

    def make(lib: Library) -> tuple[Run, Check]:
        def compute(lib: Library, x: Any, w: Any) -> Any:
            y = lib.F.conv2d(x, w, stride=stride, padding=kernel // 2, groups=groups)
            return (y * y).mean()

        shapes = [(images, channels, size, size), (out, channels // groups, kernel, kernel)]
        return _both_ways(lib, shapes, compute)

    return make

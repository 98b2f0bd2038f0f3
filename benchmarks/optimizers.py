"""Cases of optimizers' steps alone: many small parameters, and 10 million elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tapegrad.cli.ways import Library

Run = Callable[[int], None]
Check = Callable[[], list[float]]


def _steps(lib: Library, shapes: list[tuple[int, ...]]) -> tuple[Run, Check]:
    """Adam's steps on parameters of these shapes, with gradients that stay."""
    torch = lib.torch

    def fresh() -> tuple[list[Any], Any]:
        torch.manual_seed(0)
        params = [torch.randn(*shape).requires_grad_() for shape in shapes]
        for p in params:
            p.grad = torch.randn(*p.shape)
        return params, lib.optim.Adam(params, lr=0.01)

    held = fresh()

    def run(n: int) -> None:
        for _ in range(n):
            held[1].step()

    def check() -> list[float]:
        params, optimizer = fresh()
        for _ in range(5):
            optimizer.step()
        return [float(v) for v in params[0].detach().reshape(-1)[:20].tolist()]

    return run, check


def adam(lib: Library) -> tuple[Run, Check]:
    """The parameters of an MLP 2-16-1."""
    return _steps(lib, [(16, 2), (16,), (1, 16), (1,)])


def adam_large(lib: Library) -> tuple[Run, Check]:
    """10 million elements in fifty matrices."""
    return _steps(lib, [(400, 500)] * 50)

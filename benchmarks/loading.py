"""The case of batches: a dataset in memory, shuffled."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from tapegrad.cli.ways import Library

Run = Callable[[int], None]
Check = Callable[[], list[float]]


def dataloader(lib: Library) -> tuple[Run, Check]:
    """An epoch of batches of 64 of 60,000 rows with 784 numbers, and a label each."""
    torch = lib.torch
    data = import_module(f"{torch.__name__}.utils.data")
    torch.manual_seed(0)
    dataset = data.TensorDataset(torch.rand(60_000, 784), torch.randint(0, 10, (60_000,)))

    def loader() -> Any:
        return data.DataLoader(dataset, batch_size=64, shuffle=True)

    held = loader()

    def run(n: int) -> None:
        for _ in range(n):
            for _x, _y in held:
                pass

    def check() -> list[float]:
        torch.manual_seed(1)
        x, y = next(iter(loader()))
        return [*x[:, 0].tolist(), *y.tolist()]

    return run, check

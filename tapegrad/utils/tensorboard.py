"""torch.utils.tensorboard: SummaryWriter, through tensorboardX (the extra `tensorboard`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any, NoReturn

from tapegrad.tensor import Tensor

__all__ = ["SummaryWriter"]

try:
    _Writer: Any = import_module("tensorboardX").SummaryWriter
except ImportError:
    raise ImportError(
        "tensorboard: tensorboardX is missing, which writes the files; pip install 'tapegrad[tensorboard]'."
    ) from None


def _plain(x: Any) -> Any:
    """x with arrays for the Tensors in it."""
    if isinstance(x, Tensor):
        return x.detach().numpy(force=True)
    if isinstance(x, dict):
        return {k: _plain(v) for k, v in x.items()}
    return type(x)(map(_plain, x)) if type(x) in (list, tuple) else x


def _of_tensors(add: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(add)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return add(self, *_plain(args), **_plain(kwargs))

    return call


class SummaryWriter(_Writer):  # type: ignore[misc] # tensorboardX has no types
    """Writes events that TensorBoard shows, into log_dir (runs/DATE_HOST by default).

    All of add_scalar, add_scalars, add_histogram, add_image(s), add_figure, add_text, add_hparams,
    add_embedding, add_pr_curve, add_mesh, ... take Tensors.
    Source: torch.utils.tensorboard.SummaryWriter.
    """

    def __init__(
        self,
        log_dir: str | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        log_dir = None if log_dir is None else str(log_dir)
        super().__init__(log_dir, comment, purge_step, max_queue, flush_secs, filename_suffix)

    def add_graph(self, *_: Any, **__: Any) -> NoReturn:
        """Raises: NotImplementedError."""
        raise NotImplementedError(
            "SummaryWriter.add_graph: models are not traced; viz.graph(loss).save('graph.html') shows one."
        )


for _name in [name for name in dir(_Writer) if name.startswith("add_") and "graph" not in name]:
    setattr(SummaryWriter, _name, _of_tensors(getattr(_Writer, _name)))

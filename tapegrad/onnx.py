"""torch.onnx: importable, so that programs start; exporting is refused."""

from __future__ import annotations

from typing import Any, NoReturn

from tapegrad.absent import missing

__all__ = ["export", "is_in_onnx_export"]


def is_in_onnx_export() -> bool:
    """False. Source: torch.onnx.is_in_onnx_export."""
    return False


def export(*_: Any, **__: Any) -> NoReturn:
    """Raises: NotImplementedError."""
    raise NotImplementedError(
        "onnx.export: ONNX files are not supported; save a state_dict, load it in torch, and export there."
    )


def __getattr__(name: str) -> Any:
    raise missing("torch.onnx", name)

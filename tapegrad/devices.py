"""Where tensors live. `device_of` is the one place that knows: the storage says it, so no op names a
device."""

from __future__ import annotations

from typing import Any


class device:
    """A device by type and index: `torch.device("cpu")`.

    Raises: RuntimeError for a name that is no device type, ValueError for a bad index.
    """

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __init__(self, type: str | device = "cpu", index: int | None = None) -> None:
        if isinstance(type, device):
            self.type, self.index = type.type, type.index
            return
        name, _, number = str(type).partition(":")
        if name not in ("cpu", "cuda", "mps", "xpu", "meta"):
            raise RuntimeError(f"device: {type!r} is no device type; 'cpu' is what there is.")
        if number and not number.isdigit():
            raise RuntimeError(f"device: {type!r} has no whole number behind the colon; write e.g. 'cpu:0'.")
        self.type = name
        self.index = int(number) if number else index

    def __repr__(self) -> str:
        at = "" if self.index is None else f", index={self.index}"
        return f"device(type={self.type!r}{at})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return device, (self.type, self.index)


CPU = device("cpu")


def device_of(storage: Any) -> device:
    """The device that an array lives on."""
    return CPU


def check_device(wanted: Any, op: str) -> None:
    """Refuse a `device=` argument that is not here.

    Raises: RuntimeError for a device that this build lacks.
    """
    if wanted is None or wanted is CPU:
        return
    found = wanted if isinstance(wanted, device) else device(wanted)
    if found.type != "cpu":
        raise RuntimeError(
            f"{op}: device is {str(found)!r}, and only 'cpu' is here; leave device= out or pass 'cpu'."
        )

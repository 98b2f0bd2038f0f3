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
        if isinstance(type, int):
            raise no_device("device", f"accelerator {type}")
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

    def __enter__(self) -> device:
        check_device(self, "device")
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, f: Any) -> Any:
        """As a decorator: f, in whose calls the device is the default one."""
        check_device(self, "device")
        return f

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return device, (self.type,) if self.index is None else (self.type, self.index)


CPU = device("cpu")


def device_of(storage: Any) -> device:
    """The device that an array lives on."""
    return CPU


def check_device(wanted: Any, op: str) -> None:
    """Refuse a `device=` argument that is not here.

    Raises: as `no_device`, for a device that is not here.
    """
    if wanted is None or wanted is CPU:
        return
    found = wanted if isinstance(wanted, device) else device(wanted)
    if found.type != "cpu":
        raise no_device(op, str(found))


def no_device(op: str, name: str) -> Exception:
    """The error for what is not here: torch's class, which for CUDA is AssertionError."""
    return (AssertionError if name.startswith("cuda") else RuntimeError)(
        f"{op}: {name!r} is asked for, and only 'cpu' is here; leave device= out, pass 'cpu', or ask "
        "torch.cuda.is_available() first."
    )


class layout:
    """How elements lie in memory; there is one: torch.strided."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


class memory_format(layout):
    """An order of dimensions in memory. `memory_format=` is accepted everywhere; channels_last changes
    nothing."""

    __slots__ = ()


strided_layout = layout("strided")
MEMORY_FORMATS = {
    name: memory_format(name)
    for name in ("channels_last", "channels_last_3d", "contiguous_format", "preserve_format")
}
CONTIGUOUS = MEMORY_FORMATS["contiguous_format"]

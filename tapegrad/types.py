"""torch.types: names for annotations."""

import os
from typing import IO, TypeAlias

from tapegrad.devices import device
from tapegrad.tensor import Tensor

__all__ = ["Device", "FileLike", "Number", "Tensor"]

Number: TypeAlias = int | float | bool
Device: TypeAlias = device | str | int | None
FileLike: TypeAlias = str | os.PathLike[str] | IO[bytes]

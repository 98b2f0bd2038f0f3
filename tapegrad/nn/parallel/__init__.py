"""torch.nn.parallel: modules over several devices, of which there is one."""

from typing import Any

from tapegrad.absent import missing
from tapegrad.nn.parallel.data_parallel import DataParallel, data_parallel
from tapegrad.nn.parallel.distributed import DistributedDataParallel

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]


def __getattr__(name: str) -> Any:
    raise missing("torch.nn.parallel", name)

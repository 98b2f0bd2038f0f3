"""torch.autograd.profiler: the older names of torch.profiler."""

from __future__ import annotations

from typing import Any

from tapegrad import profiler
from tapegrad.profiler import EventList, record_function

__all__ = ["profile", "record_function"]


class profile(profiler.profile):
    """torch.profiler.profile with the methods of its averages. enabled: whether it watches.

    Source: torch.autograd.profiler.profile.
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cuda: bool = False,
        use_device: str | None = None,
        record_shapes: bool = False,
        with_flops: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
        use_kineto: bool = False,
        use_cpu: bool = True,
    ) -> None:
        super().__init__()
        self.enabled = enabled

    def start(self) -> None:
        """Begin, if it is enabled."""
        if self.enabled:
            super().start()

    @property
    def function_events(self) -> EventList:
        """What ran."""
        return self.events()

    def total_average(self) -> Any:
        """All of it as one."""
        return self.events().total_average()

    def table(self, *args: Any, **kwargs: Any) -> str:
        """key_averages().table(...), one row per operation."""
        return self.key_averages().table(*args, **kwargs)

    @property
    def self_cpu_time_total(self) -> float:
        """The whole time, in microseconds."""
        return self.events().self_cpu_time_total

"""autocast: operations in a narrower dtype."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from tapegrad._errors import say

__all__ = ["autocast", "is_autocast_available"]


def is_autocast_available(device_type: str) -> bool:
    """False: nothing is computed in a narrower dtype than it has. Source: torch.amp.is_autocast_available."""
    return False


class autocast:
    """A block, or a decorator, in which a device would compute in a narrower dtype.

    For a device that is not here ('cuda') it warns and changes nothing, as in torch. On the CPU it changes
    nothing with enabled=False; to enable it is refused, since it would make other numbers than torch's.
    Raises: NotImplementedError for device_type 'cpu' if it is enabled.
    Source: torch.amp.autocast.
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"autocast: device_type is {device_type!r}; a str such as 'cpu' is needed.")
        if enabled and device_type == "cpu":
            raise NotImplementedError(
                "autocast: device_type is 'cpu', where nothing is computed in a narrower dtype here; pass "
                "enabled=False, or convert the model with .to(torch.bfloat16)."
            )
        if enabled:
            say(f"autocast: device_type is {device_type!r}, which is not there; autocast is disabled.")

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(func)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return call

"""GradScaler: losses scaled up, so that small gradients do not vanish in float16."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tapegrad import ops as F
from tapegrad._errors import say
from tapegrad.autograd import no_grad
from tapegrad.dtypes import float16, float32
from tapegrad.tensor import Tensor

__all__ = ["GradScaler"]

READY, UNSCALED, STEPPED = "ready", "unscaled", "stepped"


class GradScaler:
    """Scales losses, divides gradients by the scale before a step, and skips steps with inf or nan in them;
    then the scale shrinks by `backoff_factor`. After `growth_interval` steps without, it grows.

    For a device that is not here ('cuda') it warns and is disabled, as in torch: `scale` and `step` then do
    nothing more than without it.
    Raises: AssertionError for factors on the wrong side of 1.
    Source: torch.amp.GradScaler.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        self._device = device
        self._enabled = enabled
        if enabled and device != "cpu":
            say(f"GradScaler: device is {device!r}, which is not there; the scaler is disabled.")
            self._enabled = False
        if not self._enabled:
            return
        if growth_factor <= 1 or backoff_factor >= 1:
            raise AssertionError(
                f"GradScaler: growth_factor is {growth_factor} and backoff_factor {backoff_factor}; more "
                "than 1 and less than 1 are needed."
            )
        self._init_scale = init_scale
        self._scale: Tensor | None = None
        self._growth_factor, self._backoff_factor = growth_factor, backoff_factor
        self._growth_interval = growth_interval
        self._growth_tracker = 0
        self._stages: dict[int, tuple[str, bool]] = {}  # of an optimizer: its stage, and whether it met inf

    # ---- a step: scale, unscale_, step, update

    def scale(self, outputs: Any) -> Any:
        """outputs times the scale: a tensor, or an iterable of tensors.

        Raises: ValueError for anything else.
        """
        if not self._enabled:
            return outputs
        if self._scale is None:
            self._scale = F.tensor(self._init_scale, dtype=float32)
        return self._times(outputs, self._scale)

    def _times(self, outputs: Any, scale: Tensor) -> Any:
        if isinstance(outputs, Tensor):
            return outputs * scale
        if not isinstance(outputs, Iterable):
            raise ValueError(
                f"GradScaler.scale: outputs is {type(outputs).__name__}; a Tensor or an iterable of Tensors "
                "is needed."
            )
        scaled = [self._times(each, scale) for each in outputs]
        return type(outputs)(scaled) if isinstance(outputs, (list, tuple)) else iter(scaled)

    def _needed(self, op: str) -> Tensor:
        if self._scale is None:
            raise AssertionError(f"GradScaler.{op}: nothing was scaled yet; call scale(loss) before.")
        return self._scale

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of an optimizer's parameters by the scale, in place.

        Raises: RuntimeError the second time before update(); ValueError for gradients in float16.
        """
        if not self._enabled:
            return
        scale = self._needed("unscale_")
        stage, _ = self._stages.get(id(optimizer), (READY, False))
        if stage != READY:
            when = "after step()" if stage == STEPPED else "a second time since the last update()"
            raise RuntimeError(f"GradScaler.unscale_: it is called {when}; once before each step.")
        grads = [p.grad for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
        if any(g.dtype is float16 for g in grads):
            raise ValueError("GradScaler.unscale_: a gradient is float16; keep the parameters in float32.")
        inverse = scale.double().reciprocal().float()
        with no_grad():
            for g in grads:
                g.mul_(inverse)
        met = not all(bool(F.isfinite(g).all()) for g in grads)
        self._stages[id(optimizer)] = (UNSCALED, met) if grads else (READY, False)

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """optimizer.step(*args, **kwargs), unless a gradient has inf or nan; None then.

        Raises: RuntimeError with a closure, or the second time before update().
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("GradScaler.step: a closure is given; it cannot be used with a scaler.")
        self._needed("step")
        stage, _ = self._stages.get(id(optimizer), (READY, False))
        if stage == STEPPED:
            raise RuntimeError("GradScaler.step: it is called a second time since the last update().")
        if stage == READY:
            self.unscale_(optimizer)
        stage, met = self._stages.get(id(optimizer), (READY, False))
        if stage == READY:
            raise AssertionError("GradScaler.step: no parameter of the optimizer has a gradient.")
        self._stages[id(optimizer)] = (STEPPED, met)
        return None if met else optimizer.step(*args, **kwargs)

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Adapt the scale to what the steps met, or set it."""
        if not self._enabled:
            return
        scale = self._needed("update")
        if new_scale is not None:
            with no_grad():
                scale.fill_(float(new_scale))
        else:
            self._adapt(scale)
        self._stages = {}

    def _adapt(self, scale: Tensor) -> None:
        met = [m for stage, m in self._stages.values() if stage != READY]
        if not met:
            raise AssertionError("GradScaler.update: no gradients were unscaled since the last update().")
        if any(met):
            scale.mul_(self._backoff_factor)
            self._growth_tracker = 0
            return
        self._growth_tracker += 1
        if self._growth_tracker == self._growth_interval:
            grown = scale * self._growth_factor
            if bool(F.isfinite(grown)):
                scale.copy_(grown)
            self._growth_tracker = 0

    # ---- what it holds

    def is_enabled(self) -> bool:
        """Whether it scales."""
        return self._enabled

    def get_scale(self) -> float:
        """The scale; 1 if it is disabled."""
        if not self._enabled:
            return 1.0
        return self._init_scale if self._scale is None else float(self._scale.item())

    def get_growth_factor(self) -> float:
        """What the scale is multiplied by when it grows."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set what the scale is multiplied by when it grows."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """What the scale is multiplied by after inf or nan."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set what the scale is multiplied by after inf or nan."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """After how many good steps the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set after how many good steps the scale grows."""
        self._growth_interval = new_interval

    def state_dict(self) -> dict[str, Any]:
        """Scale, factors and counts, with torch's keys; empty if it is disabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state_dict. Raises: RuntimeError for an empty one, of a disabled scaler."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError("GradScaler.load_state_dict: it is empty, as that of a disabled scaler.")
        self._init_scale = state_dict["scale"]
        if self._scale is not None:
            self._scale.fill_(state_dict["scale"])
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._growth_tracker = state_dict["_growth_tracker"]

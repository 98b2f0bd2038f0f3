"""Switching the recording of operations on and off, for this thread."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any, TypeVar

from tapegrad import _state
from tapegrad._state import grad_enabled, inference_enabled, set_mode

Fn = TypeVar("Fn", bound=Callable[..., Any])


class _Mode:
    """A context manager and decorator that sets the grad mode and restores what was."""

    __slots__ = ("_was",)

    def __init__(self) -> None:
        self._was: list[tuple[bool, bool]] = []

    def __new__(cls, function: Any = None, /, *_: Any, **__: Any) -> Any:
        if callable(function):  # @no_grad without parentheses
            return cls()(function)
        return object.__new__(cls)

    def _modes(self) -> tuple[bool, bool]:
        raise NotImplementedError

    def _again(self) -> _Mode:
        """Another one of the same kind: a decorated function may call itself."""
        return type(self)()

    def __enter__(self) -> None:
        self._was.append((grad_enabled(), inference_enabled()))
        set_mode(*self._modes())

    def __exit__(self, *_: object) -> None:
        set_mode(*self._was.pop())

    def __call__(self, function: Fn) -> Fn:
        if isgeneratorfunction(function):
            return resumed(function, self._again)  # type: ignore[return-value] # a generator function for one

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return call  # type: ignore[return-value] # the same signature


def resumed(function: Callable[..., Any], mode: Callable[[], Any]) -> Callable[..., Generator[Any, Any, Any]]:
    """A generator function that has the mode whenever it runs, and leaves its consumer's mode alone."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = function(*args, **kwargs)
        step, value = generator.send, None
        while True:
            try:
                with mode():
                    item = step(value)
            except StopIteration as end:
                return end.value
            try:
                value = yield item
                step = generator.send
            except GeneratorExit:
                generator.close()
                raise
            except BaseException as error:  # noqa: BLE001 # whatever the consumer throws in belongs to the function
                step, value = generator.throw, error

    return call


class no_grad(_Mode):
    """Record nothing in the block or the decorated function. Source: torch.no_grad."""

    __slots__ = ()

    def _modes(self) -> tuple[bool, bool]:
        return False, inference_enabled()


class enable_grad(_Mode):
    """Record in the block or the decorated function, also inside no_grad. Source: torch.enable_grad."""

    __slots__ = ()

    def _modes(self) -> tuple[bool, bool]:
        return not inference_enabled(), inference_enabled()


class inference_mode(_Mode):
    """As no_grad; `inference_mode(False)` leaves it. Source: torch.inference_mode."""

    __slots__ = ("_on",)

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self._on = mode

    def _modes(self) -> tuple[bool, bool]:
        return not self._on, self._on

    def _again(self) -> _Mode:
        return inference_mode(self._on)


class set_grad_enabled(_Mode):
    """Set recording at once; as a context manager it is restored at the end. Source:
    torch.set_grad_enabled."""

    __slots__ = ("_on",)

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self._on = mode
        self._was.append((grad_enabled(), inference_enabled()))
        set_mode(mode, inference_enabled())

    def __enter__(self) -> None:
        set_mode(*self._modes())

    def __exit__(self, *_: object) -> None:
        set_mode(*self._was[0])

    def __call__(self, function: Fn) -> Fn:
        set_mode(*self._was[0])
        return super().__call__(function)

    def _modes(self) -> tuple[bool, bool]:
        return self._on, inference_enabled()

    def _again(self) -> _Mode:
        return set_grad_enabled(self._on)


def is_grad_enabled() -> bool:
    """Whether operations are recorded in this thread."""
    return _state.grad_enabled()


def is_inference_mode_enabled() -> bool:
    """Whether this thread is in inference mode."""
    return _state.inference_enabled()

"""torch.jit: there is nothing to compile here. Functions and modules come back as they are, with the same
results; what needs a compiled program (files of them) is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from tapegrad._errors import say_once
from tapegrad.absent import missing
from tapegrad.nn.modules.module import Module as ScriptModule

__all__ = [
    "ScriptModule",
    "annotate",
    "export",
    "fork",
    "freeze",
    "ignore",
    "is_scripting",
    "is_tracing",
    "load",
    "optimize_for_inference",
    "save",
    "script",
    "script_if_tracing",
    "script_method",
    "trace",
    "trace_module",
    "unused",
    "wait",
]


def _as_it_is(op: str, obj: Any) -> Any:
    say_once(f"jit.{op}: nothing is compiled; what was given runs as it is, with the same results.")
    return obj


def script(obj: Any, *_: Any, **__: Any) -> Any:
    """obj itself. Source: torch.jit.script."""
    return _as_it_is("script", obj)


def trace(func: Any, *_: Any, **__: Any) -> Any:
    """func itself, whose control flow stays. Source: torch.jit.trace."""
    return _as_it_is("trace", func)


def trace_module(mod: Any, *_: Any, **__: Any) -> Any:
    """mod itself. Source: torch.jit.trace_module."""
    return _as_it_is("trace_module", mod)


def freeze(mod: Any, *_: Any, **__: Any) -> Any:
    """mod itself. Source: torch.jit.freeze."""
    return mod


def optimize_for_inference(mod: Any, *_: Any, **__: Any) -> Any:
    """mod itself. Source: torch.jit.optimize_for_inference."""
    return mod


def export(fn: Any) -> Any:
    """fn itself. Source: torch.jit.export."""
    return fn


script_method = script_if_tracing = export


def ignore(drop: Any = False, **_: Any) -> Any:
    """The decorated function itself; also without arguments. Source: torch.jit.ignore."""
    return drop if callable(drop) else export


def unused(fn: Any) -> Any:
    """fn itself. Source: torch.jit.unused."""
    return fn


def annotate(the_type: Any, the_value: Any) -> Any:
    """the_value. Source: torch.jit.annotate."""
    return the_value


def is_scripting() -> bool:
    """False. Source: torch.jit.is_scripting."""
    return False


def is_tracing() -> bool:
    """False. Source: torch.jit.is_tracing."""
    return False


def fork(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result of the call, which is made at once. Source: torch.jit.fork."""
    return func(*args, **kwargs)


def wait(future: Any) -> Any:
    """What `fork` has returned. Source: torch.jit.wait."""
    return future


def _refused(op: str) -> NoReturn:
    raise NotImplementedError(
        f"jit.{op}: files of compiled programs are not supported; save and load a state_dict."
    )


def save(m: Any, f: Any, **_: Any) -> NoReturn:
    """Raises: NotImplementedError."""
    _refused("save")


def load(f: Any, *_: Any, **__: Any) -> NoReturn:
    """Raises: NotImplementedError."""
    _refused("load")


def __getattr__(name: str) -> Any:
    raise missing("torch.jit", name)

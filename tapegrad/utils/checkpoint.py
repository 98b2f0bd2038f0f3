"""Checkpoints: backward runs a part of the forward again, and forward need not keep what it saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from tapegrad import ops
from tapegrad._errors import say_once
from tapegrad.amp.switches import Kept
from tapegrad.autograd.arguments import held
from tapegrad.autograd.engine import backward as _backward
from tapegrad.autograd.function import Function
from tapegrad.autograd.grad_mode import enable_grad
from tapegrad.autograd.hooks import partial
from tapegrad.autograd.nodes import register_prehook
from tapegrad.autograd.recompute import CheckpointError, Region
from tapegrad.tensor import Tensor

__all__ = [
    "CheckpointError",
    "checkpoint",
    "checkpoint_sequential",
    "noop_context_fn",
    "set_checkpoint_early_stop",
]

Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]


def noop_context_fn() -> Contexts:
    """No contexts around the forward and its repetition."""
    return nullcontext(), nullcontext()


@contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """A block whose checkpoints may stop their repetition as soon as backward has what it needs, or must not.
    Here each repetition runs to its end, as False asks for; True is allowed and changes no result.

    Source: torch.utils.checkpoint.set_checkpoint_early_stop.
    """
    yield


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """function(*args, **kwargs), without keeping what its operations save; backward runs it again.

    use_reentrant: False is the better way. True runs a backward inside of backward, as older programs expect:
    without keyword arguments, only with `.backward()`, and only if an argument requires grad.
    context_fn: returns two contexts, for the forward and for its repetition. determinism_check: "none" does
    not compare shapes between the two. preserve_rng_state: both draw the same random numbers. debug: has no
    effect, since errors always say which operation differs. early_stop: has no effect; the repetition runs to
    its end.
    Raises: CheckpointError in backward if the function did something else; ValueError for arguments that do
    not go together. Source: torch.utils.checkpoint.checkpoint.
    """
    if use_reentrant is None:
        say_once(
            "checkpoint: use_reentrant is not given and taken as True, as torch does; pass "
            "use_reentrant=False, which also works with keyword arguments and autograd.grad."
        )
        use_reentrant = True
    if not use_reentrant:
        if determinism_check not in ("default", "none"):
            raise ValueError(
                f"checkpoint: determinism_check is {determinism_check!r}; 'default' or 'none' is needed."
            )
        check = determinism_check == "default"
        return _forgotten(function, args, kwargs, context_fn, preserve_rng_state, check)
    if kwargs:
        raise ValueError(f"checkpoint: the keyword arguments {', '.join(kwargs)} need use_reentrant=False.")
    if context_fn is not noop_context_fn or debug:
        raise ValueError("checkpoint: context_fn and debug need use_reentrant=False.")
    if not any(isinstance(a, Tensor) and a.requires_grad for a in args):
        say_once(
            "checkpoint: no argument requires grad, so with use_reentrant=True nothing gets a gradient; pass "
            "use_reentrant=False."
        )
    y = CheckpointFunction.apply(function, preserve_rng_state, *args)
    node = next((t.grad_fn for t in _tuple(y) if isinstance(t, Tensor) and t.grad_fn is not None), None)
    if node is not None:
        register_prehook(node, _refuse_partial)
    return y


def _tuple(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)


def _forgotten(
    function: Any, args: Any, kwargs: Any, context_fn: Callable[[], Contexts], preserve: bool, check: bool
) -> Any:
    """Run the function, forget what it saved, and leave behind how to run it again."""
    state = ops.get_rng_state() if preserve else None
    first, second = context_fn()
    given, casting = held(args, kwargs, "checkpoint"), Kept()

    def again() -> Any:
        with _drawing(state), casting(), second:
            args, kwargs = given.restored()
            return function(*args, **kwargs)

    since = given.since
    with casting(), first:
        y = function(*args, **kwargs)
    Region(again, y, since, check)
    return y


class _drawing:
    """In the block random numbers are drawn as from this state; at the end the generator is as it was."""

    def __init__(self, state: Tensor | None) -> None:
        self.state = state

    def __enter__(self) -> None:
        if self.state is not None:
            self.was = ops.get_rng_state()
            ops.set_rng_state(self.state)

    def __exit__(self, *_: object) -> None:
        if self.state is not None:
            ops.set_rng_state(self.was)


# ---- use_reentrant=True


class CheckpointFunction(Function):
    """The function without a graph; its backward runs it with one, and a backward of that."""

    @staticmethod
    def forward(ctx: Any, run: Callable[..., Any], preserve: bool, *args: Any) -> Any:
        """run(*args)."""
        ctx.run, ctx.state = run, ops.get_rng_state() if preserve else None
        ctx.casting = Kept()
        ctx.rest = [None if isinstance(a, Tensor) else a for a in args]
        ctx.places = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.save_for_backward(*[args[i] for i in ctx.places])
        return run(*args)

    @staticmethod
    def backward(ctx: Any, *gs: Any) -> Any:
        """The gradients of the arguments; those of everything else go where `.backward()` puts them."""
        args = list(ctx.rest)
        for i, t in zip(ctx.places, ctx.saved_tensors, strict=True):
            args[i] = t.detach().requires_grad_(t.requires_grad)
        with _drawing(ctx.state), ctx.casting(), enable_grad():
            outs = _tuple(ctx.run(*args))
        pairs = [(y, g) for y, g in zip(outs, gs, strict=True) if isinstance(y, Tensor) and y.requires_grad]
        if not pairs:
            raise RuntimeError(
                "checkpoint: run again, no output of the function requires grad; a backward through it gives "
                "nothing. Do not checkpoint it."
            )
        _backward([y for y, _ in pairs], [g for _, g in pairs])
        return (None, None, *[a.grad if isinstance(a, Tensor) else None for a in args])


def _refuse_partial(_: Any) -> None:
    if partial():
        raise RuntimeError(
            "checkpoint: with use_reentrant=True only .backward() without inputs= goes through it; pass "
            "use_reentrant=False for autograd.grad."
        )


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Run the functions (or the modules of a Sequential) one after another, in so many parts; all but the
    last are checkpoints.

    Source: torch.utils.checkpoint.checkpoint_sequential.
    """
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError(
            f"checkpoint_sequential: the keyword arguments {', '.join(kwargs)} are unknown; use_reentrant "
            "and preserve_rng_state can be given."
        )
    every = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(every) // segments
    for start in range(0, size * (segments - 1), size):
        part = _in_turn(every[start : start + size])
        input = checkpoint(part, input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return _in_turn(every[size * (segments - 1) :])(input)


def _in_turn(functions: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def forward(input: Any) -> Any:
        for f in functions:
            input = f(input)
        return input

    return forward

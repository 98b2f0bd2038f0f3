"""Random tensors: torch's numbers for torch's seeds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.random as R
from tapegrad._errors import sizes
from tapegrad._state import default, special, watch
from tapegrad.define import inplace, newborn, offer, opaque, store
from tapegrad.define.linear import cast
from tapegrad.devices import CPU, check_device, device
from tapegrad.dtypes import I8, as_numpy
from tapegrad.kernels.drawing import arranged
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.generator import Stream
from tapegrad.levels import Level, Storage, arrays_of, looped
from tapegrad.ops.create import empty_like, shape_of
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, wrap


class Generator:
    """A stream of random numbers of its own: the numbers that torch's CPU generator gives for the same seed.

    Source: torch.Generator.
    """

    __slots__ = ("_stream",)

    def __init__(self, device: Any = "cpu") -> None:
        check_device(device, "Generator")
        self._stream = Stream()

    @property
    def device(self) -> device:
        """Always the CPU."""
        return CPU

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of `seed` from its beginning."""
        self._stream.manual_seed(seed)
        return self

    def initial_seed(self) -> int:
        """The seed that the stream started from."""
        return self._stream.initial_seed()

    def seed(self) -> int:
        """Start from a seed that the system's randomness gives; returns it."""
        return self._stream.seed()

    def get_state(self) -> Tensor:
        """The state, as torch writes it: a uint8 tensor of 5056 bytes."""
        return wrap(self._stream.get_state())

    def set_state(self, new_state: Tensor) -> None:
        """Continue from a state. Raises: RuntimeError for what is no state; nothing has changed then."""
        self._stream.set_state(need_tensor(new_state, "set_state", "new_state")._a)


default_generator = Generator()


def manual_seed(seed: int) -> Generator:
    """Start the default stream of `seed` from its beginning; returns the default generator."""
    return default_generator.manual_seed(seed)


def initial_seed() -> int:
    """The seed of the default stream."""
    return default_generator.initial_seed()


def seed() -> int:
    """Start the default stream from a seed that the system's randomness gives; returns it."""
    return default_generator.seed()


def get_rng_state() -> Tensor:
    """The default stream's state: a uint8 tensor of 5056 bytes, also for torch.set_rng_state."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Continue the default stream from a state. Raises: RuntimeError for what is no state."""
    default_generator.set_state(new_state)


def _stream(generator: Generator | None, op: str) -> Stream:
    if generator is not None and not isinstance(generator, Generator):
        raise TypeError(f"{op}: generator is {type(generator).__name__}; a torch.Generator is needed.")
    stream = (generator or default_generator)._stream
    for level in looped.now.levels:
        level.draws(op, stream)
    return stream


def _batches() -> tuple[Level, ...]:
    """The vmaps that run."""
    return tuple([x for x in watch().levels if x.size is not None]) if special.alert else ()


def _kind(dtype: Any, op: str, otherwise: Any = None) -> Any:
    if dtype is None:
        return default.dtype if otherwise is None else otherwise
    return as_numpy(dtype, op)


def _drawn(op: str, generator: Generator | None, shape: tuple[int, ...], draw: Any) -> Any:
    """An array of a shape, of the flat values draw(stream, n); inside of vmap by its randomness."""
    stream = _stream(generator, op)
    if levels := _batches():
        return Level.draw(levels, op, stream, shape, lambda s, wide: draw(s, _count(wide)).reshape(wide))
    drawn = draw(stream, _count(shape))
    return drawn if len(shape) == 1 else drawn.reshape(shape)


def _made(op: str, drawn: Any, requires_grad: bool, out: Tensor | None) -> Tensor:
    t = newborn(wrap(drawn if drawn.shape else drawn[()] if type(drawn) is ndarray else drawn))
    if out is not None:
        return store(t, out, op, warns=False)
    return t.requires_grad_() if requires_grad else t


def _count(shape: tuple[int, ...]) -> int:
    n = 1
    for k in shape:
        n *= k
    return n


# ---- new tensors


def rand(
    *sides: Any,
    size: Sequence[int] | None = None,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Uniform numbers in [0, 1)."""
    check_device(device, "rand")
    shape, kind = shape_of(sides, "rand", size), _kind(dtype, "rand")
    drawn = _drawn("rand", generator, shape, lambda stream, n: R.uniform(stream, n, 0.0, 1.0, kind))
    return _made("rand", drawn, requires_grad, out)


def randn(
    *sides: Any,
    size: Sequence[int] | None = None,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Numbers of the standard normal distribution."""
    check_device(device, "randn")
    shape, kind = shape_of(sides, "randn", size), _kind(dtype, "randn")
    drawn = _drawn("randn", generator, shape, lambda stream, n: R.normal(stream, n, 0.0, 1.0, kind))
    return _made("randn", drawn, requires_grad, out)


def randint(
    *args: Any,
    low: int | None = None,
    high: int | None = None,
    size: Sequence[int] | None = None,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Integers from low (0) to high - 1: randint(high, size) or randint(low, high, size).

    Raises: RuntimeError for an empty range, TypeError for missing arguments.
    """
    check_device(device, "randint")
    given = list(args)
    if size is None and given and isinstance(given[-1], (tuple, list)):
        size = given.pop()
    if high is None and given:
        high = given.pop()
    if low is None:
        low = given.pop() if given else 0
    if size is None or high is None or given:
        raise TypeError(
            "randint: call it as randint(high, size) or randint(low, high, size), e.g. randint(10, (3,))."
        )
    shape, kind = shape_of((tuple(size),), "randint"), _kind(dtype, "randint", I8)
    first, end = int(low), int(high)
    drawn = _drawn("randint", generator, shape, lambda stream, n: R.randint(stream, n, first, end, kind))
    return _made("randint", drawn, requires_grad, out)


def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """The integers from 0 to n - 1 in random order. Raises: RuntimeError for a negative n."""
    check_device(device, "randperm")
    if n < 0:
        raise RuntimeError(f"randperm: n is {n}; 0 or more is needed.")
    kind = _kind(dtype, "randperm", I8)

    def several(stream: Stream, count: int) -> Any:
        return np.concatenate([R.randperm(stream, n, kind) for _ in range(count // n if n else 1)])

    return _made("randperm", _drawn("randperm", generator, (n,), several), requires_grad, out)


def _like(draw: Any, op: str, input: Tensor, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    """Drawn numbers in the shape, the dtype and, since torch draws in that order, the layout of input."""
    check_device(device, op)
    a = need_tensor(input, op)._a
    kind = _kind(dtype, op, a.dtype)
    if isinstance(a, Storage):
        t = cast(input.detach(), kind)
    else:
        shared = any(n > 1 and step == 0 for n, step in zip(a.shape, a.strides, strict=True))
        t = newborn(wrap(np.empty_like(a, kind, order="C" if shared else "K")))
    draw(t)
    return t.requires_grad_() if requires_grad else t


def rand_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Uniform numbers in [0, 1) in the shape and dtype of input."""
    return _like(uniform_, "rand_like", input, dtype, device, requires_grad)


def randn_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Standard normal numbers in the shape and dtype of input."""
    return _like(normal_, "randn_like", input, dtype, device, requires_grad)


def normal(
    mean: Any,
    std: Any = 1.0,
    size: Sequence[int] | None = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
) -> Tensor:
    """Normal numbers: of one mean and deviation in a size, or of a tensor of means, of deviations, or both.

    Raises: RuntimeError for a negative deviation or shapes that do not broadcast.
    """
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        if size is None:
            raise TypeError(
                "normal: mean and std are numbers and size is missing; e.g. normal(0.0, 1.0, (3,))."
            )
        shape, own = shape_of((tuple(size),), "normal"), _kind(dtype, "normal")
        drawn = _drawn("normal", generator, shape, lambda stream, n: R.normal(stream, n, mean, std, own))
        return _made("normal", drawn, False, None)
    stds = arrays_of(std._a if isinstance(std, Tensor) else np.asarray(std))
    if (least := min([float(a.min()) for a in stds if a.size], default=0.0)) < 0:
        raise RuntimeError(f"normal: std has {least}; 0 or more is needed.")
    if isinstance(mean, Tensor) and isinstance(std, Tensor):
        try:
            shape = np.broadcast_shapes(mean._a.shape, std._a.shape)
        except ValueError:
            raise RuntimeError(
                f"normal: mean is {sizes(mean.shape)} and std is {sizes(std.shape)}; they must broadcast."
            ) from None
    else:
        shape = (mean if isinstance(mean, Tensor) else std)._a.shape
    kind = (mean if isinstance(mean, Tensor) else std).dtype.numpy
    standard = _drawn("normal", generator, shape, lambda stream, n: R.normal(stream, n, 0.0, 1.0, kind))
    plain = [v.detach() if isinstance(v, Tensor) else v for v in (std, mean)]
    return wrap(standard) * plain[0] + plain[1]


def bernoulli(input: Tensor, *, generator: Generator | None = None, out: Tensor | None = None) -> Tensor:
    """1 with the probability that each element of input gives, else 0.

    Raises: RuntimeError for a probability outside 0 to 1.
    """
    a = need_tensor(input, "bernoulli")._a
    if isinstance(a, Storage):
        return empty_like(input).bernoulli_(input.detach(), generator=generator)
    stream = _stream(generator, "bernoulli")
    if levels := _batches():
        drawn = Level.draw(
            levels,
            "bernoulli",
            stream,
            a.shape,
            lambda s, wide: R.bernoulli_from(s, np.broadcast_to(a, wide)),
        )
    else:
        drawn = R.bernoulli_from(stream, np.asarray(a))
    return _made("bernoulli", drawn, False, out)


# ---- in place: a draw as an operation on what was there, which the gradient then no longer reaches


def _drawing(name: str, flat: Any, title: str | None = None) -> Any:
    """The in-place method `name`: flat(stream, tensor, n, ...) draws n values."""
    fresh_values = opaque(
        name,
        lambda _, a: a,
        linear=True,
        d=(lambda F, g, shapes, _: F.zeros_like(g),),
        title=title,
        batch=lambda B, op, xs, args: B.expand(B.lift(args[0], xs[0].ndim), (B.size, *xs[0].shape)),
    )

    @wraps(flat)
    def call(self: Tensor, *args: Any, generator: Generator | None = None, **kwargs: Any) -> Any:
        a, stream = self._a, _stream(generator, f"{name}_")
        if levels := _batches():
            of_shape = _for_shape(flat, a, args, kwargs)
            return fresh_values(self, Level.draw(levels, f"{name}_", stream, a.shape, of_shape))
        values = flat(stream, a, *args, **kwargs)
        return fresh_values(self, values if values.shape == a.shape else arranged(values, a))

    parameters = list(signature(flat).parameters.values())[2:]
    own = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD, annotation="Tensor")
    last = Parameter("generator", Parameter.KEYWORD_ONLY, default=None, annotation="Generator | None")
    call.__signature__ = Signature([own, *parameters, last], return_annotation="Tensor")  # type: ignore[attr-defined] # as inspect reads it
    return inplace(call, f"{name}_")


def _for_shape(flat: Any, a: Any, args: Any, kwargs: Any) -> Any:
    """draw(stream, shape): what a drawing method does to a tensor like a, of another shape; along the memory
    under a, if that has the shape."""
    under = next(arrays_of(a))

    def draw(stream: Stream, shape: tuple[int, ...]) -> Any:
        template = np.empty_like(under) if under.shape == shape else np.empty(shape, a.dtype)
        values = flat(stream, template, *args, **kwargs)
        return values if values.shape == shape else arranged(values, template)

    return draw


def _uniform(stream: Stream, a: Any, low: float = 0.0, to: float = 1.0) -> Any:
    """Uniform numbers in [from, to), in place. Raises: RuntimeError for from above to, or an integer
    tensor."""
    return R.uniform(stream, a.size, low, to, a.dtype)


def _normal(stream: Stream, a: Any, mean: float = 0.0, std: float = 1.0) -> Any:
    """Normal numbers, in place. Raises: RuntimeError for a negative std, or an integer tensor."""
    return R.normal(stream, a.size, mean, std, a.dtype, contiguous=a.flags.c_contiguous)


def _random(stream: Stream, a: Any, low: int | None = None, to: int | None = None) -> Any:
    """Integers, in place: random_() up to the largest the dtype holds, random_(to), random_(from, to).

    Raises: RuntimeError for an empty range.
    """
    if low is None and to is None:
        return R.random_integers(stream, a.size, a.dtype)
    first, end = (0, low) if to is None and low is not None else (low or 0, to)
    return R.randint(stream, a.size, first, end, a.dtype)


def _bernoulli(stream: Stream, a: Any, p: Any = 0.5) -> Any:
    """1 with probability p (a number, or a tensor that broadcasts), else 0, in place.

    Raises: RuntimeError for a probability outside 0 to 1.
    """
    if not isinstance(p, Tensor):
        return R.bernoulli(stream, a.size, p, a.dtype)
    raw = p._a
    while isinstance(raw, Storage):  # a draw per entry, of the entries' own probabilities
        raw = raw.raw if hasattr(raw, "raw") else raw.primal  # type: ignore[attr-defined] # one of the two kinds
    return R.bernoulli_from(stream, np.asarray(raw), np.empty_like(a))


def _exponential(stream: Stream, a: Any, lambd: float = 1.0) -> Any:
    """Numbers of the exponential distribution with rate lambd, in place. Raises: RuntimeError unless
    lambd > 0."""
    return R.exponential(stream, a.size, lambd, a.dtype)


uniform_ = _drawing("uniform", _uniform)
normal_ = _drawing("normal", _normal)
random_ = _drawing("random", _random, "RandomBackward2")
bernoulli_ = _drawing("bernoulli", _bernoulli, "BernoulliBackward2")
exponential_ = _drawing("exponential", _exponential)


offer(
    globals(),
    functions=(
        "get_rng_state initial_seed manual_seed normal rand rand_like randint randn randn_like "
        "randperm seed set_rng_state"
    ),
    methods="bernoulli_ exponential_ normal_ random_ uniform_",
    both="bernoulli",
)
nameless(globals())

"""Random tensors: torch's numbers for torch's seeds."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

import tapegrad.kernels.random as R
from tapegrad._state import special, watch
from tapegrad.define import finish, offer, store
from tapegrad.devices import CPU, check_device, device
from tapegrad.dtypes import I8
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.generator import Stream
from tapegrad.levels import Level, arrays_of, looped
from tapegrad.ops.create import kind_of, leaf, shape_of
from tapegrad.ops.recorded import of_parameters
from tapegrad.promotion import broadcast, need_tensor
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

    def __reduce__(self) -> tuple[Any, ...]:
        return Generator, (CPU,), (self.initial_seed(), None, self.get_state())

    def __setstate__(self, state: tuple[int, Any, Tensor]) -> None:
        self.set_state(state[2])


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


def stream_of(generator: Generator | None, op: str) -> Stream:
    """A generator's stream, or the default one. Raises: TypeError for what is no generator."""
    if generator is None:
        stream = default_generator._stream
    elif isinstance(generator, Generator):
        stream = generator._stream
    else:
        raise TypeError(f"{op}: generator is {type(generator).__name__}; a torch.Generator is needed.")
    if special.alert:
        for level in looped.now.levels:
            level.draws(op, stream)
    return stream


def batches() -> tuple[Level, ...]:
    """The vmaps that run."""
    return tuple([x for x in watch().levels if x.size is not None]) if special.alert else ()


def draw_flat(op: str, generator: Generator | None, shape: tuple[int, ...], draw: Any, kind: Any) -> Any:
    """An array of a shape, of the flat values draw(stream, n, kind); inside of vmap by its randomness."""
    if generator is None and not special.alert:
        stream = default_generator._stream
    else:
        stream = stream_of(generator, op)
    if special.alert and (levels := batches()):
        return Level.draw(levels, op, stream, shape, lambda s, wide: draw(s, prod(wide), kind).reshape(wide))
    if len(shape) == 1:
        return draw(stream, shape[0], kind)
    return draw(stream, prod(shape), kind).reshape(shape)


def finished(op: str, drawn: Any, requires_grad: bool, out: Tensor | None) -> Tensor:
    """The result of a function that draws: a new leaf around the numbers, or `out`."""
    if out is not None:
        return store(leaf(drawn), out, op, warns=False)
    return leaf(drawn, requires_grad)


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
    if device is not None:
        check_device(device, "rand")
    shape, kind = shape_of(sides, "rand", size), kind_of(dtype, "rand")
    drawn = draw_flat("rand", generator, shape, R.standard_uniform, kind)
    return leaf(drawn, requires_grad) if out is None else finished("rand", drawn, requires_grad, out)


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
    if device is not None:
        check_device(device, "randn")
    shape, kind = shape_of(sides, "randn", size), kind_of(dtype, "randn")
    drawn = draw_flat("randn", generator, shape, R.standard_normal, kind)
    return leaf(drawn, requires_grad) if out is None else finished("randn", drawn, requires_grad, out)


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
    if device is not None:
        check_device(device, "randint")
    if len(args) == 3 and low is None and high is None and size is None:
        low, high, size = args
        args = ()
    if args or low is None or high is None or size is None:
        low, high, size = _range_and_size(args, low, high, size)
    shape, kind = shape_of((tuple(size),), "randint"), kind_of(dtype, "randint", I8)
    first, end = int(low), int(high)

    def draw(stream: Stream, n: int, kind: Any) -> Any:
        return R.randint(stream, n, first, end, kind)

    drawn = draw_flat("randint", generator, shape, draw, kind)
    return leaf(drawn, requires_grad) if out is None else finished("randint", drawn, requires_grad, out)


def _range_and_size(args: tuple[Any, ...], low: Any, high: Any, size: Any) -> tuple[Any, Any, Any]:
    """randint's (low, high, size), of which args are those that are not given by name."""
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
    return low, high, size


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
    if device is not None:
        check_device(device, "randperm")
    if n < 0:
        raise RuntimeError(f"randperm: n is {n}; 0 or more is needed.")

    def orders(stream: Stream, count: int, kind: Any) -> Any:
        if count == n:
            return R.randperm(stream, n, kind)
        return np.concatenate([R.randperm(stream, n, kind) for _ in range(count // n)])

    drawn = draw_flat("randperm", generator, (n,), orders, kind_of(dtype, "randperm", I8))
    return leaf(drawn, requires_grad) if out is None else finished("randperm", drawn, requires_grad, out)


def normal(
    mean: Any,
    std: Any = 1.0,
    size: Sequence[int] | None = None,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Normal numbers: of one mean and deviation in a size, or of a tensor of means, of deviations, or both.

    Raises: RuntimeError for a negative deviation or shapes that do not broadcast.
    """
    check_device(device, "normal")
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        if size is None:
            raise TypeError(
                "normal: mean and std are numbers and size is missing; e.g. normal(0.0, 1.0, (3,))."
            )
        shape, own = shape_of((tuple(size),), "normal"), kind_of(dtype, "normal")

        def draw(stream: Stream, n: int, kind: Any) -> Any:
            return R.normal(stream, n, mean, std, kind)

        drawn = draw_flat("normal", generator, shape, draw, own)
        return finished("normal", drawn, requires_grad, out)
    return finish(_normal_around(mean, std, generator), out, "normal")


def _normal_around(mean: Any, std: Any, generator: Generator | None) -> Tensor:
    """Normal numbers where mean or std, or both, are tensors."""
    stds = arrays_of(std._a if isinstance(std, Tensor) else np.asarray(std))
    if (least := min([float(a.min()) for a in stds if a.size], default=0.0)) < 0:
        raise RuntimeError(f"normal: std has {least}; 0 or more is needed.")
    given: dict[str, Any] = {name: v for name, v in (("mean", mean), ("std", std)) if isinstance(v, Tensor)}
    shape = broadcast("normal", **given)
    kind = next(iter(given.values())).dtype.numpy
    standard = draw_flat("normal", generator, shape, R.standard_normal, kind)
    plain = [v.detach() if isinstance(v, Tensor) else v for v in (std, mean)]
    values = wrap(standard) * plain[0] + plain[1]
    return of_parameters(", ".join(given), values, [mean, std])


offer(
    globals(),
    functions="get_rng_state initial_seed manual_seed normal rand randint randn randperm seed set_rng_state",
)
nameless(globals())

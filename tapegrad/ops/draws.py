"""Draws that follow a tensor: in its shape, with its elements as parameters, or over it in place."""

from __future__ import annotations

from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any

import numpy as np

import tapegrad.kernels.random as R
from tapegrad._errors import describe
from tapegrad._state import special
from tapegrad.define import bare, cast, finish, inplace, newborn, offer, opaque, plain, store
from tapegrad.devices import check_device
from tapegrad.dtypes import FLOATING, as_numpy
from tapegrad.kernels.counting import binomial as draw_binomial
from tapegrad.kernels.counting import poisson as draw_poisson
from tapegrad.kernels.drawing import arranged
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.generator import Stream
from tapegrad.kernels.memory import empty_like as template
from tapegrad.levels import Level, Storage, arrays_of
from tapegrad.ops.create import leaf
from tapegrad.ops.new import empty_like
from tapegrad.ops.random import Generator, batches, finished, stream_of
from tapegrad.ops.recorded import of_parameters
from tapegrad.promotion import broadcast, need_tensor
from tapegrad.tensor import Tensor, wrap
from tapegrad.writes import wrote

# ---- in the shape of a tensor


def _like(
    flat: Any,
    draw: Any,
    op: str,
    input: Tensor,
    generator: Any,
    dtype: Any,
    device: Any,
    grad: bool,
    *bounds: int,
) -> Tensor:
    """What flat(stream, array, *bounds) draws, in the shape, the dtype and, since torch draws in that order,
    the layout of input. In one dimension this is draw(stream, n, dtype)."""
    if device is not None:
        check_device(device, op)
    a = need_tensor(input, op)._a
    kind = input._kind if dtype is None else as_numpy(dtype, op)
    if special.alert and (isinstance(a, Storage) or batches()):
        t = cast(input.detach(), kind) if isinstance(a, Storage) else newborn(wrap(template(a, kind)))
        _IN_PLACE[flat](t, *bounds, generator=generator)
        return t.requires_grad_() if grad else t
    if a.ndim == 1:
        return leaf(draw(stream_of(generator, op), a.size, kind), grad)
    if kind is not a.dtype or not a.flags.c_contiguous:
        a = template(a, kind)
    values = flat(stream_of(generator, op), a, *bounds)
    return leaf(values if values.shape == a.shape else arranged(values, a), grad)


def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Uniform numbers in [0, 1) in the shape and dtype of input."""
    draw = R.standard_uniform
    return _like(_uniform, draw, "rand_like", input, generator, dtype, device, requires_grad)


def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Standard normal numbers in the shape and dtype of input."""
    draw = R.standard_normal
    return _like(_normal, draw, "randn_like", input, generator, dtype, device, requires_grad)


def randint_like(
    input: Tensor,
    *bounds: int,
    low: int | None = None,
    high: int | None = None,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Integers from low (0) to high - 1 in the shape and dtype of input: randint_like(x, high) or
    randint_like(x, low, high). Raises: RuntimeError for an empty range, TypeError without high."""
    given = [*bounds, *[b for b in (low, high) if b is not None]]
    if not 1 <= len(given) <= 2:
        raise TypeError("randint_like: high is missing, or too much is given; e.g. randint_like(x, 10).")
    first, end = map(int, [0, *given][-2:])

    def draw(stream: Stream, n: int, kind: Any) -> Any:
        return R.randint(stream, n, first, end, kind)

    op = "randint_like"
    return _like(_random, draw, op, input, generator, dtype, device, requires_grad, first, end)


# ---- with the elements of a tensor as parameters


def bernoulli(
    input: Tensor, p: float | None = None, *, generator: Generator | None = None, out: Tensor | None = None
) -> Tensor:
    """1 with the probability that each element of input gives (or p, in the shape of input), else 0.

    Raises: RuntimeError for a probability outside 0 to 1.
    """
    if p is None and plain(need_tensor(input, "bernoulli")):
        result = wrap(R.bernoulli_from(stream_of(generator, "bernoulli"), input._a))
        return result if out is None else store(result, out, "bernoulli")
    if p is not None or isinstance(input._a, Storage):
        probability = input.detach() if p is None else p
        return finish(empty_like(input).bernoulli_(probability, generator=generator), out, "bernoulli")
    return finish(_parametric("bernoulli", generator, R.bernoulli_from, input), out, "bernoulli")


def _parametric(op: str, generator: Generator | None, draw: Any, *inputs: Tensor) -> Tensor:
    """A number per entry of the inputs, which broadcast: draw(stream, *arrays). Recorded as theirs."""
    return of_parameters(op, drawn_for(op, generator, draw, *inputs), inputs)


def drawn_for(op: str, generator: Generator | None, draw: Any, *inputs: Tensor) -> Tensor:
    """The same, not recorded."""
    for x in inputs:
        if isinstance(need_tensor(x, op)._a, Storage):
            raise RuntimeError(f"{op}: vmap cannot draw here for each entry's own parameters; draw outside.")
    stream, arrays = stream_of(generator, op), [np.asarray(x._a) for x in inputs]
    if levels := batches():
        shape = np.broadcast_shapes(*[a.shape for a in arrays])

        def each(s: Stream, wide: tuple[int, ...]) -> Any:
            return draw(s, *[np.broadcast_to(a, wide) for a in arrays])

        drawn = Level.draw(levels, op, stream, shape, each)
    else:
        drawn = draw(stream, *arrays)
    return finished(op, drawn, False, None)


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """A number of events for each element of input, which is the rate; gradients are 0.

    Raises: RuntimeError for a negative rate, NotImplementedError for a dtype that is not floating.
    """
    if need_tensor(input, "poisson")._kind.kind not in FLOATING:
        raise NotImplementedError(f"poisson: input is {describe(input)}; a floating point tensor is needed.")
    return _parametric("poisson", generator, draw_poisson, input)


def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """A number of successes for each count of trials, each of which succeeds with probability prob.

    Shapes: two tensors that broadcast, of one floating dtype.
    Raises: RuntimeError for other dtypes or shapes; in a backward, for there is no derivative.
    """
    n, p = need_tensor(count, "binomial")._a, need_tensor(prob, "binomial")._a
    if n.dtype.kind not in FLOATING or n.dtype != p.dtype:
        raise RuntimeError(
            f"binomial: count is {describe(count)} and prob {describe(prob)}; one floating dtype is needed."
        )

    def draw(stream: Stream, n: Any, p: Any) -> Any:
        return draw_binomial(stream, *np.broadcast_arrays(n, p))

    broadcast("binomial", count=count, prob=prob)
    return _parametric("binomial", generator, draw, count, prob)


def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """num_samples indices per row of input, drawn with probabilities in proportion to its elements.

    Shapes: [n] or [rows, n] to int64 [num_samples] or [rows, num_samples]. replacement: an index may come
    several times.
    Raises: RuntimeError for negative or non-finite weights, or more samples than weights that are not 0.
    """
    if isinstance(need_tensor(input, "multinomial")._a, Storage) or batches():
        raise RuntimeError("multinomial: vmap cannot draw here; call it with one more dimension, outside.")
    stream = stream_of(generator, "multinomial")
    drawn = R.multinomial(stream, np.asarray(input._a), num_samples, replacement)
    return finished("multinomial", drawn, False, out)


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
        widens=False,
    )

    @wraps(flat)
    def call(self: Tensor, *args: Any, generator: Generator | None = None, **kwargs: Any) -> Any:
        a, stream = self._a, stream_of(generator, f"{name}_")
        if levels := batches():
            of_shape = _for_shape(flat, a, args, kwargs)
            return fresh_values(self, Level.draw(levels, f"{name}_", stream, a.shape, of_shape))
        values = flat(stream, a, *args, **kwargs)
        return fresh_values(self, values if values.shape == a.shape else arranged(values, a))

    parameters = list(signature(flat).parameters.values())[2:]
    own = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD, annotation="Tensor")
    last = Parameter("generator", Parameter.KEYWORD_ONLY, default=None, annotation="Generator | None")
    call.__signature__ = Signature([own, *parameters, last], return_annotation="Tensor")  # type: ignore[attr-defined] # as inspect reads it
    general = inplace(call, f"{name}_")

    @wraps(general)
    def into(self: Tensor, *args: Any, generator: Generator | None = None, **kwargs: Any) -> Tensor:
        if _drawn_into(self, flat, f"{name}_", generator, args, kwargs):
            return self
        return general(self, *args, generator=generator, **kwargs)  # type: ignore[no-any-return] # a Tensor

    _IN_PLACE[flat] = into
    return into


_IN_PLACE: dict[Any, Any] = {}  # the methods by what they draw with


def _drawn_into(self: Tensor, flat: Any, name: str, generator: Any, args: Any, kwargs: Any) -> bool:
    """Write what is drawn into self, where nothing of that is recorded and parameters are numbers; whether it
    was done."""
    a = bare(self)
    if a is None or kwargs or batches():
        return False
    for x in args:
        if isinstance(x, Tensor):
            return False
    values = flat(stream_of(generator, name), a, *args)
    a[...] = values if values.shape == a.shape else arranged(values, a)
    wrote(a)
    return True


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


def _cauchy(stream: Stream, a: Any, median: float = 0.0, sigma: float = 1.0) -> Any:
    """Numbers of the Cauchy distribution, in place. Raises: RuntimeError unless sigma > 0."""
    return R.cauchy(stream, a.size, median, sigma, a.dtype)


def _log_normal(stream: Stream, a: Any, mean: float = 1.0, std: float = 2.0) -> Any:
    """Numbers whose logarithms are normal, in place. Raises: RuntimeError unless std > 0."""
    return R.log_normal(stream, a.size, mean, std, a.dtype)


def _geometric(stream: Stream, a: Any, p: float) -> Any:
    """Counts of trials up to the first success of probability p, in place. Raises: RuntimeError unless
    0 < p < 1."""
    return R.geometric(stream, a.size, p, a.dtype)


uniform_ = _drawing("uniform", _uniform)
normal_ = _drawing("normal", _normal)
random_ = _drawing("random", _random, "RandomBackward2")
bernoulli_ = _drawing("bernoulli", _bernoulli, "BernoulliBackward2")
exponential_ = _drawing("exponential", _exponential)
cauchy_ = _drawing("cauchy", _cauchy)
log_normal_ = _drawing("log_normal", _log_normal)
geometric_ = _drawing("geometric", _geometric)


offer(
    globals(),
    functions="binomial poisson rand_like randint_like randn_like",
    both="bernoulli multinomial",
    methods="bernoulli_ cauchy_ exponential_ geometric_ log_normal_ normal_ random_ uniform_",
)
nameless(globals())

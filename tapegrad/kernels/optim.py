"""Optimizers' updates, each written once over a namespace F of verbs.

A rule gets F and a group's options and returns two functions. `advance` gets what the optimizer counts for a
parameter (its step, and more), and returns the new counts and what else depends on them: numbers, and truth
values, which decide what is done. `build` gets these, the numbers as F has them, and returns the update of a
parameter, or of one block of it: update(p, g, *state) -> (p, *state). A verb returns the new value of its
first argument: on arrays (`Arrays`) in that argument's memory, on Tensors (`ops.optim.Tensors`) as a new
Tensor, which is recorded. The arithmetic has the order of torch's single-tensor updates, which decides the
last bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.pointwise import constant, sign

Options = Mapping[str, Any]
Update = Callable[..., tuple[Any, ...]]
Rule = tuple[Callable[..., tuple[tuple[Any, ...], tuple[Any, ...]]], Callable[..., Update]]
BLOCK = 1 << 16  # bytes of a parameter updated at a time: all that an update touches stays in the cache


class Arrays:
    """The verbs on arrays of one dtype."""

    __slots__ = ("kind",)
    sqrt, abs, sign, where = np.sqrt, np.abs, staticmethod(sign), staticmethod(np.where)

    def __init__(self, kind: Any) -> None:
        self.kind = kind

    def number(self, x: Any) -> Any:
        """A Python number as NumPy computes with it fastest."""
        return np.array(x, self.kind)

    def option(self, x: Any) -> Any:
        """The same for a number that comes again with the next step."""
        return constant(x, self.kind)

    def toward(self, w: Any) -> Callable[[Any, Any], Any]:
        """x + w (y - x), from the nearer side, as a function of x and y."""
        near = abs(w) < 0.5
        w = self.option(w) if near else self.option(1) - self.option(w)

        def move(x: Any, y: Any) -> Any:
            t = y - x
            t *= w
            if not near:
                return np.subtract(y, t, out=x)
            x += t
            return x

        return move

    @staticmethod
    def copy(x: Any, y: Any) -> Any:
        """y."""
        np.copyto(x, y)
        return x

    start = copy  # of an average, without a gradient

    @staticmethod
    def add(x: Any, y: Any) -> Any:
        """x + y."""
        x += y
        return x

    @staticmethod
    def sub(x: Any, y: Any) -> Any:
        """x - y."""
        x -= y
        return x

    @staticmethod
    def mul(x: Any, y: Any) -> Any:
        """x y."""
        x *= y
        return x

    @staticmethod
    def div(x: Any, y: Any) -> Any:
        """x / y."""
        x /= y
        return x

    @staticmethod
    def go(x: Any, y: Any, size: Any) -> Any:
        """x + size y."""
        x += y * size
        return x

    @staticmethod
    def addcmul(x: Any, a: Any, b: Any, value: Any) -> Any:
        """x + value a b."""
        t = a * value
        t *= b
        x += t
        return x

    @staticmethod
    def addcdiv(x: Any, a: Any, b: Any, value: Any) -> Any:
        """x + value a / b."""
        t = a * value
        t /= b
        x += t
        return x

    @staticmethod
    def maximum(x: Any, y: Any) -> Any:
        """The larger of x and y."""
        return np.maximum(x, y, out=x)

    @staticmethod
    def clamp(x: Any, low: Any, high: Any) -> Any:
        """x within low and high."""
        return np.minimum(np.maximum(x, low, out=x), high, out=x)


arrays_of = cache(Arrays)


def begun(rule: Any, F: Any, o: Options, counts: Sequence[Any]) -> tuple[tuple[Any, ...], Update]:
    """The rule's new counts, and its update."""
    return counted(rule(F, o), F, counts)


def counted(given: Rule, F: Any, counts: Sequence[Any]) -> tuple[tuple[Any, ...], Update]:
    """What `begun` returns, of a rule that has its options."""
    advance, build = given
    new, values = advance(*counts)
    return new, build(*[x if x.__class__ is bool else F.number(x) for x in values])


_MOST = 256  # a schedule has new options with each step
_kept: dict[tuple[Any, ...], Any] = {}


def with_options(make: Callable[[Any, Options, Any], Any], rule: Any, o: Options, kind: Any) -> Any:
    """make(rule, a group's options, dtype), or what that was for the same ones."""
    options = dict(o)
    options.pop("params", None)
    options.pop("param_names", None)
    values = options.values()
    # Types too: a learning rate from a Tensor is a NumPy scalar, equal to a float and rounded otherwise.
    key = make, rule, kind, *values, *map(type, values), type(options.get("betas", (0.0,))[0])
    try:
        found = _kept.get(key)
    except TypeError:  # an option that can change in place
        return make(rule, options, kind)
    if found is None:
        if len(_kept) >= _MOST:
            _kept.clear()
        found = _kept[key] = make(rule, options, kind)
    return found


def _on_arrays(rule: Any, o: Options, kind: Any) -> Rule:
    parts: Rule = rule(arrays_of(kind), o)
    return parts


def apply(rule: Any, o: Options, counts: Sequence[Any], kind: Any, columns: Sequence[Sequence[Any]]) -> Any:
    """The rule's new counts, after its update of many parameters of one dtype and with the same counts.
    columns: their arrays, those of their gradients, and of each part of their state."""
    new, update = counted(with_options(_on_arrays, rule, o, kind), arrays_of(kind), counts)
    for arrays in zip(*columns, strict=True):
        if arrays[0].nbytes <= BLOCK:
            update(*arrays)
        else:
            _in_blocks(update, arrays)
    return new


def _in_blocks(update: Update, arrays: Sequence[Any]) -> None:
    """update(*arrays), all of one shape, block by block."""
    p = arrays[0]
    if all(a.flags.c_contiguous for a in arrays):
        arrays = [a.reshape(-1) for a in arrays]
    rows = arrays[0].shape[0]
    n = max(1, BLOCK * rows // p.nbytes)
    for i in range(0, rows, n):
        update(*[a[i : i + n] for a in arrays])


def _as_given(p: Any, g: Any) -> tuple[Any, Any]:
    return p, g


def _uphill(p: Any, g: Any) -> tuple[Any, Any]:
    return p, -g


def _begin(F: Any, o: Options) -> Callable[[Any, Any], tuple[Any, Any]]:
    """What all rules begin with: (p, g) -> (p, g), with the sign of g and weight decay."""
    up, decay = o["maximize"], o.get("weight_decay", 0)
    if decay and o.get("decoupled_weight_decay"):
        keep = F.option(1 - o["lr"] * decay)
        return lambda p, g: (F.mul(p, keep), -g if up else g)
    if not decay:
        return _uphill if up else _as_given
    decay = F.option(decay)
    return lambda p, g: (p, F.sub(p * decay, g) if up else F.add(p * decay, g))


def _nothing() -> tuple[tuple[()], tuple[()]]:
    """Of a rule that counts nothing."""
    return (), ()


def _steps(step: Any) -> tuple[tuple[Any], tuple[()]]:
    """Of a rule that only counts."""
    return (step + 1,), ()


def sgd(F: Any, o: Options) -> Rule:
    """Sutskever et al. 2013. Counted, with momentum, is whether that begins here."""
    begin, go, nesterov = _begin(F, o), F.go, o["nesterov"]
    size = F.option(-o["lr"])
    if o["momentum"] == 0:
        if begin is _as_given:  # the most frequent update of all: one call
            return _nothing, lambda: lambda p, g: (go(p, g, size),)
        return _nothing, lambda: lambda p, g: (go(*begin(p, g), size),)
    momentum, rest, damped = F.option(o["momentum"]), F.option(1 - o["dampening"]), o["dampening"] != 0

    def build(first: bool) -> Update:
        def update(p: Any, g: Any, b: Any) -> tuple[Any, ...]:
            p, g = begin(p, g)
            if first:
                b = F.start(b, g)
            else:
                b = F.mul(b, momentum)
                b = go(b, g, rest) if damped else F.add(b, g)
            return go(p, g + b * momentum if nesterov else b, size), b

        return update

    return lambda first: ((), (bool(first),)), build


def adam(F: Any, o: Options) -> Rule:
    """Kingma and Ba 2015; amsgrad: Reddi et al. 2018; decoupled decay: Loshchilov and Hutter 2019."""
    (b1, b2), lr = o["betas"], o["lr"]
    begin, toward = _begin(F, o), F.toward(1 - b1)
    keep, new, eps = map(F.option, (b2, 1 - b2, o["eps"]))

    def advance(step: Any) -> tuple[tuple[Any], tuple[Any, Any]]:
        step = step + 1
        t = float(step)
        return (step,), (-(lr / (1 - b1**t)), (1 - b2**t) ** 0.5)

    def build(size: Any, root: Any) -> Update:
        def update(p: Any, g: Any, m: Any, v: Any, top: Any = None) -> tuple[Any, ...]:
            p, g = begin(p, g)
            m = toward(m, g)
            v = F.addcmul(F.mul(v, keep), g, g, new)
            if top is not None:
                top = F.maximum(top, v)
            d = F.add(F.div(F.sqrt(v if top is None else top), root), eps)
            return F.addcdiv(p, m, d, size), m, v, top

        return update

    return advance, build


def nadam(F: Any, o: Options) -> Rule:
    """Dozat 2016. Counted is also the product of the momentum's factors so far."""
    (b1, b2), lr, slower = o["betas"], o["lr"], o["momentum_decay"]
    begin, toward = _begin(F, o), F.toward(1 - b1)
    keep, new, eps = map(F.option, (b2, 1 - b2, o["eps"]))

    def advance(step: Any, product: Any) -> tuple[tuple[Any, Any], tuple[Any, Any, Any]]:
        step = step + 1
        t = float(step)
        mu, ahead = [b1 * (1 - 0.5 * 0.96 ** (i * slower)) for i in (t, t + 1)]
        product = product * mu
        now = float(product)
        return (step, product), (1 - b2**t, -lr * (1 - mu) / (1 - now), -lr * ahead / (1 - now * ahead))

    def build(rest: Any, of_g: Any, of_m: Any) -> Update:
        def update(p: Any, g: Any, m: Any, v: Any) -> tuple[Any, ...]:
            p, g = begin(p, g)
            m = toward(m, g)
            v = F.addcmul(F.mul(v, keep), g, g, new)
            d = F.add(F.sqrt(v / rest), eps)
            return F.addcdiv(F.addcdiv(p, g, d, of_g), m, d, of_m), m, v

        return update

    return advance, build


def radam(F: Any, o: Options) -> Rule:
    """Liu et al. 2020: while few gradients were seen, their variance is not used."""
    b1, b2 = o["betas"]
    begin, toward = _begin(F, o), F.toward(1 - b1)
    keep, new, eps, lr = map(F.option, (b2, 1 - b2, o["eps"], o["lr"]))
    most = 2 / (1 - b2) - 1

    def advance(step: Any) -> tuple[tuple[Any], tuple[Any, ...]]:
        step = step + 1
        t = float(step)
        rest = 1 - b2**t
        length = most - 2 * t * b2**t / rest
        if length <= 5:
            return (step,), (False, 1 - b1**t, rest**0.5, 1)
        scale = ((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)) ** 0.5
        return (step,), (True, 1 - b1**t, rest**0.5, scale)

    def build(rectified: bool, share: Any, root: Any, scale: Any) -> Update:
        def update(p: Any, g: Any, m: Any, v: Any) -> tuple[Any, ...]:
            p, g = begin(p, g)
            m = toward(m, g)
            v = F.addcmul(F.mul(v, keep), g, g, new)
            way = F.mul(m / share, lr)
            if rectified:
                way = F.mul(F.mul(way, F.mul(1 / F.add(F.sqrt(v), eps), root)), scale)
            return F.sub(p, way), m, v

        return update

    return advance, build


def adamax(F: Any, o: Options) -> Rule:
    """Kingma and Ba 2015, section 7: Adam by the largest gradient."""
    (b1, b2), lr = o["betas"], o["lr"]
    begin, toward = _begin(F, o), F.toward(1 - b1)
    keep, eps = F.option(b2), F.option(o["eps"])

    def build(size: Any) -> Update:
        def update(p: Any, g: Any, m: Any, top: Any) -> tuple[Any, ...]:
            p, g = begin(p, g)
            m = toward(m, g)
            top = F.maximum(F.mul(top, keep), F.add(F.abs(g), eps))
            return F.addcdiv(p, m, top, size), m, top

        return update

    return lambda step: ((step + 1,), (-(lr / (1 - b1 ** float(step + 1))),)), build


def adagrad(F: Any, o: Options) -> Rule:
    """Duchi, Hazan and Singer 2011."""
    begin, eps, lr, decay = _begin(F, o), F.option(o["eps"]), o["lr"], o["lr_decay"]

    def build(size: Any) -> Update:
        def update(p: Any, g: Any, total: Any) -> tuple[Any, ...]:
            p, g = begin(p, g)
            total = F.add(total, g * g)
            return F.addcdiv(p, g, F.add(F.sqrt(total), eps), size), total

        return update

    return lambda step: ((step + 1,), (-(lr / (1 + (float(step + 1) - 1) * decay)),)), build


def adadelta(F: Any, o: Options) -> Rule:
    """Zeiler 2012."""
    begin, rho = _begin(F, o), o["rho"]
    keep, new, eps, size = map(F.option, (rho, 1 - rho, o["eps"], -o["lr"]))

    def update(p: Any, g: Any, v: Any, moved: Any) -> tuple[Any, ...]:
        p, g = begin(p, g)
        v = F.addcmul(F.mul(v, keep), g, g, new)
        way = F.mul(F.div(F.sqrt(moved + eps), F.sqrt(v + eps)), g)
        moved = F.addcmul(F.mul(moved, keep), way, way, new)
        return F.go(p, way, size), v, moved

    return _steps, lambda: update


def rmsprop(F: Any, o: Options) -> Rule:
    """Hinton's lecture 6; centered: Graves 2013."""
    begin, alpha = _begin(F, o), o["alpha"]
    toward, centered, pushed = F.toward(1 - alpha), o["centered"], o["momentum"] > 0
    keep, new, eps, size, momentum = map(F.option, (alpha, 1 - alpha, o["eps"], -o["lr"], o["momentum"]))

    def update(p: Any, g: Any, v: Any, *more: Any) -> tuple[Any, ...]:
        p, g = begin(p, g)
        v = F.addcmul(F.mul(v, keep), g, g, new)
        b, mean = more[0] if pushed else None, more[-1] if centered else None
        if mean is None:
            d = F.sqrt(v)
        else:
            mean = toward(mean, g)
            d = F.sqrt(v - mean * mean)
        d = F.add(d, eps)
        if b is None:
            p = F.addcdiv(p, g, d, size)
        else:
            b = F.add(F.mul(b, momentum), g / d)
            p = F.go(p, b, size)
        return (p, v, *[x for x in (b, mean) if x is not None])

    return _steps, lambda: update


def rprop(F: Any, o: Options) -> Rule:
    """Riedmiller and Braun 1993: only the signs of gradients count."""
    begin = _begin(F, o)
    less, more, low, high, zero = map(F.option, (*o["etas"], *o["step_sizes"], 0))

    def update(p: Any, g: Any, before: Any, size: Any) -> tuple[Any, ...]:
        p, g = begin(p, g)
        turn = F.sign(g * before)
        back = turn < 0
        new = F.where(back, size * less, F.where(turn > 0, size * more, size))
        size = F.clamp(F.copy(size, new), low, high)
        g = F.where(back, zero, g)
        return F.sub(p, F.sign(g) * size), F.copy(before, g), size

    return _steps, lambda: update


def asgd(F: Any, o: Options) -> Rule:
    """Polyak and Juditsky 1992. Counted are also this step's size, and the weight of its result in the
    average."""
    begin, lr, lambd, power, start = _begin(F, o), o["lr"], o["lambd"], o["alpha"], o["t0"]

    def advance(step: Any, eta: Any, mu: Any) -> tuple[tuple[Any, Any, Any], tuple[Any, ...]]:
        step = step + 1
        t, eta, mu = float(step), float(eta), float(mu)
        new = step, lr / (1 + lambd * lr * t) ** power, 1 / max(1, t - start)
        return new, (mu != 1, 1 - lambd * eta, -eta, mu)

    def build(averaged: bool, keep: Any, size: Any, weight: Any) -> Update:
        def update(p: Any, g: Any, mean: Any) -> tuple[Any, ...]:
            p, g = begin(p, g)
            p = F.go(F.mul(p, keep), g, size)
            return p, F.go(mean, p - mean, weight) if averaged else F.copy(mean, p)

        return update

    return advance, build


nameless(globals())

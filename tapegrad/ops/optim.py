"""Optimizers' updates as in-place operations over lists of tensors, so that they can be fused below the
optimizers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.optim as O
from tapegrad import ops as F
from tapegrad._errors import describe, sizes
from tapegrad._state import tier
from tapegrad.dtypes import bfloat16, finfo
from tapegrad.kernels.errstate import again, nameless
from tapegrad.naming import argument
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import assign, box, check_inference, check_memory, check_writable
from tapegrad.writes import stamp, wrote, wrote_all

Arguments = tuple[Tensor, Tensor, Sequence[Any], Sequence[Tensor]]  # a parameter, its gradient, counts, state


class Tensors:
    """The verbs of `kernels.optim` on Tensors: each gives a new one."""

    sqrt, abs, sign, where, maximum, clamp = F.sqrt, F.abs, F.sign, F.where, F.maximum, F.clamp

    @staticmethod
    def number(x: Any) -> Any:
        """x; a Tensor too, so that a learning rate gets a gradient."""
        return x

    option = number

    @staticmethod
    def toward(w: Any) -> Callable[[Tensor, Tensor], Tensor]:
        """x + w (y - x) as a function of x and y."""
        return lambda x, y: F.lerp(x, y, w)

    @staticmethod
    def copy(x: Tensor, y: Tensor) -> Tensor:
        """y."""
        return y

    @staticmethod
    def start(x: Tensor, y: Tensor) -> Tensor:
        """y without its graph, as in torch."""
        return y.detach()

    @staticmethod
    def add(x: Any, y: Any) -> Any:
        """x + y."""
        return x + y

    @staticmethod
    def sub(x: Any, y: Any) -> Any:
        """x - y."""
        return x - y

    @staticmethod
    def mul(x: Any, y: Any) -> Any:
        """x y."""
        return x * y

    @staticmethod
    def div(x: Any, y: Any) -> Any:
        """x / y."""
        return x / y

    @staticmethod
    def go(x: Tensor, y: Tensor, size: Any) -> Tensor:
        """x + size y."""
        return x + y * size if isinstance(size, Tensor) else F.add(x, y, alpha=size)

    @staticmethod
    def addcmul(x: Tensor, a: Tensor, b: Tensor, value: Any) -> Tensor:
        """x + value a b."""
        return x + a * value * b if isinstance(value, Tensor) else F.addcmul(x, a, b, value=value)

    @staticmethod
    def addcdiv(x: Tensor, a: Tensor, b: Tensor, value: Any) -> Tensor:
        """x + value a / b."""
        return x + a * value / b if isinstance(value, Tensor) else F.addcdiv(x, a, b, value=value)


class Job:
    """An update that is checked and ready.

    parts: of each parameter its arguments and the arrays of it, its gradient and its state, None if it runs
    on Tensors. written: those arrays that change. recording: the grad mode it needs, None if any will do.

    columns: instead of parts, where all parameters are alike: their arrays, those of their gradients, and of
    each part of their state. counts: of each count the tensors that have it; now: their number. written:
    the entries of the arrays in the table of writes.
    """

    __slots__ = ("columns", "counts", "now", "options", "parts", "recording", "written")
    counts: Sequence[Sequence[Any]]
    now: Sequence[Any]

    def __init__(self, options: Mapping[str, Any], recording: bool) -> None:
        self.options = options
        self.parts: list[tuple[Arguments, list[Any] | None]] = []
        self.written: list[Any] = []
        self.columns: Sequence[Sequence[Any]] | None = None
        self.recording: bool | None = True if recording else None


class Update:
    """An optimizer's update. `prepare` checks everything and changes nothing; `run` cannot be refused.

    rule: see `kernels.optim`. elementwise: it may be applied to blocks of arrays, and to real and imaginary
    parts; otherwise it runs on whole Tensors.
    """

    __slots__ = ("elementwise", "made", "name", "rule")

    def __init__(self, name: str, rule: Any, elementwise: bool = True) -> None:
        self.name, self.rule, self.elementwise = name, rule, elementwise
        self.made = 0  # updates of parameters, about: threads may miss some

    def prepare(self, arguments: list[Arguments], options: Mapping[str, Any], record: bool = False) -> Job:
        """A Job for parameters with their gradients, counts and state. record: it is differentiable.

        Raises: RuntimeError if a parameter must not be written, or its state is of another shape.
        """
        job = Job(options if record else plain(options), record)
        quickly = self.elementwise and not record
        for given in arguments:
            p, g, _, held = given
            arrays = _ready(p, g, held) if quickly else None
            if arrays is None:
                self._check(p, g, held, record)
                arrays = _arrays(p, g, held) if quickly else None
            if arrays is not None:
                job.written.append(arrays[0])
                job.written += arrays[2:]
            elif not record:
                job.recording = False
            job.parts.append((given, arrays))
        return job

    def _check(self, p: Tensor, g: Tensor, held: Sequence[Tensor], record: bool) -> None:
        if record:
            check_writable(p, self.name)
        else:
            if p._cold is not None:
                check_inference(p, self.name)
            for t in (p, *held):
                check_memory(t, self.name)
        for t in (g, *held) if self.elementwise else ():
            if t._a.shape != p._a.shape:
                raise RuntimeError(
                    f"{self.name}: {argument('the parameter', p)} is {sizes(p._a.shape)} and its gradient or "
                    f"state has {describe(t)}; the shapes must be equal. Load the state of an optimizer of "
                    "these parameters."
                )

    def run(self, job: Job) -> None:
        """Update the parameters, their counts and their state in place."""
        columns = job.columns
        if columns is not None:
            stamp(job.written)
            self.made += len(columns[0])
        elif job.written:
            wrote_all(job.written)
            self.made += len(job.parts)
        if self.made > tier.often:
            tier.wake(large=False)
        again(self._run if columns is None else self._run_together, job)

    def _run_together(self, job: Job) -> None:
        columns: Any = job.columns
        new = O.apply(self.rule, job.options, job.now, columns[0][0].dtype, columns)
        for counts, value in zip(job.counts, new, strict=False):
            _count(counts, value)

    def _run(self, job: Job) -> None:
        for now, parts in _alike(job.parts):
            p, g, _, held = parts[0][0]
            if parts[0][1] is None:
                new, update = O.begun(self.rule, Tensors, job.options, now)
                self._tensors(update, p, g, held)
            else:
                many: Any = list(zip(*[arrays or () for _, arrays in parts], strict=True))
                number = type(p._a) is not ndarray
                if number:
                    many[0][0].view(p._kind)[...] = p._a
                new = O.apply(self.rule, job.options, now, many[0][0].dtype, many)
                if number:
                    assign(p, wrap(many[0][0].view(p._kind).reshape(())))
            if new:
                columns = zip(*[given[2] for given, _ in parts], strict=True)
                for counts, value in zip(columns, new, strict=True):
                    _count(counts, value)

    def _tensors(self, update: Any, p: Tensor, g: Tensor, held: Sequence[Tensor]) -> None:
        """The update of what is recorded, narrow, or no array; on clones, so that nothing gets stale."""
        split = self.elementwise and p.is_complex()
        xs = [F.view_as_real(x.clone()) if split else x.clone() for x in (p, g, *held)]
        for x, y in zip((p, *held), update(xs[0], xs[1], *xs[2:]), strict=False):
            x.copy_(F.view_as_complex(y) if split else y)


def _alike(parts: list[tuple[Arguments, list[Any] | None]]) -> Iterator[tuple[Any, list[Any]]]:
    """The parts in their order, in lists of those that can be updated together: (counts, parts). What is no
    array comes alone, and so do all if one that counts its steps comes twice: then it makes two."""
    before: Any = ()
    alike: list[Any] = []
    kind: Any = None
    alone = bool(parts[0][0][2]) and len({id(given[0]) for given, _ in parts}) < len(parts)
    for part in parts:
        (p, _, counts, _), arrays = part
        now = _values(counts) if counts else ()
        here = p._kind if arrays is not None and type(p._a) is ndarray else None
        if alike and (here is not kind or kind is None or alone or now != before):
            yield before, alike
            alike = []
            now = _values(counts) if counts else ()
        before, kind = now, here
        alike.append(part)
    if alike:
        yield before, alike


def _values(counts: Sequence[Any]) -> list[Any]:
    return [c if c.__class__ is bool else c._a[()] for c in counts]


def plain(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options with NumPy scalars for Tensors."""
    lr, decay, betas = options["lr"], options.get("weight_decay"), options.get("betas", (0.0,))
    if not (isinstance(lr, Tensor) or isinstance(decay, Tensor) or isinstance(betas[0], Tensor)):
        return options
    changed = {"lr": _number(lr), "weight_decay": _number(decay), "betas": tuple(map(_number, betas))}
    return {**options, **{name: value for name, value in changed.items() if name in options}}


def _number(x: Any) -> Any:
    return x._a.reshape(())[()] if isinstance(x, Tensor) else x


def _ready(p: Tensor, g: Tensor, held: Sequence[Tensor]) -> list[Any] | None:
    """What `_arrays` gives, of what is plain: writable arrays of one dtype and shape. None if it needs a
    closer look."""
    a, b, kind = p._a, g._a, p._kind
    if type(a) is not ndarray or type(b) is not ndarray or p._cold is not None:
        return None
    shape = a.shape
    if kind.char not in "fd" or g._kind is not kind or b.shape != shape or not a.flags.writeable:
        return None
    arrays = [a, b]
    for s in held:
        x = s._a
        if type(x) is not ndarray or s._kind is not kind or x.shape != shape or not x.flags.writeable:
            return None
        arrays.append(x)
    return arrays


def _arrays(p: Tensor, g: Tensor, held: Sequence[Tensor]) -> list[Any] | None:
    """Arrays of one dtype for `kernels.optim`; real ones for complex numbers. None if there are none."""
    kind, a = p._kind, p._a
    if type(a) is not ndarray:
        a = np.array(a) if isinstance(a, np.generic) else a
    xs = [a, g._a if type(g._a) is ndarray else np.asarray(g._a), *[box(s) for s in held]]
    for x in xs:
        if type(x) is not ndarray or x.dtype is not kind:
            return None
    if kind.char in "FD" and all(x.flags.c_contiguous for x in xs):
        return [x.reshape(-1).view(x.real.dtype) for x in xs]
    return xs if kind.char in "fd" else None


def _count(counts: Sequence[Tensor], value: Any) -> None:
    """Put the number there. No rule has saved the old one: it never was in a graph."""
    number = value
    for c in counts:
        a = c._a
        if type(a) is ndarray:
            wrote(a)
            a[...] = value
        else:
            if type(a) is not type(number):
                number = a.dtype.type(value)
            c._a = number


def _adafactor(_: Any, o: Mapping[str, Any]) -> O.Rule:
    """Shazeer and Stern 2018: of a matrix only the means of squares over its rows and columns are kept."""
    lr, (least, least_scale) = o["lr"], o["eps"]

    def advance(step: Any) -> tuple[tuple[Any], tuple[float, float]]:
        step = step + 1
        t = float(step)
        return (step,), (t ** o["beta2_decay"], min(lr, 1 / t**0.5))

    def squares(g: Tensor, dim: int) -> Tensor:
        means: Tensor = F.linalg_vector_norm(g, dim=dim, keepdim=True).square() / g.size(dim)
        return means

    def build(new: float, rate: float) -> O.Update:
        def update(p: Tensor, g: Tensor, *held: Tensor) -> tuple[Tensor, ...]:
            low, root = finfo(p.dtype).eps if least is None else least, sqrt(max(p.numel(), 1))
            size = max(least_scale, F.linalg_vector_norm(p).item() / root) * rate
            if o["weight_decay"]:
                p = p * (1 - lr * o["weight_decay"])
            g = -g if o["maximize"] else g
            held = tuple(
                [
                    F.lerp(v, g * g if len(held) == 1 else squares(g, i), new)
                    for i, v in zip((-1, -2), held, strict=False)
                ]
            )
            v = held[0]
            if len(held) == 2:
                v = v @ held[1] / v.mean(-2, keepdim=True).clamp(min=low)
            way = v.clamp(min=low * low).rsqrt() * g
            clip = max(1.0, F.linalg_vector_norm(way).item() / (root * o["d"]))
            return F.add(p, way, alpha=-size / clip), *held

        return update

    return advance, build


def _orthogonal(x: Tensor, o: Mapping[str, Any]) -> Tensor:
    """U V^T of x = U S V^T, roughly: the singular values end near 1. Newton-Schulz steps in bfloat16."""
    (a, b, c), tall = o["ns_coefficients"], x.size(0) > x.size(1)
    x = x.mT.to(bfloat16) if tall else x.to(bfloat16)
    x = x / F.linalg_vector_norm(x.float()).to(bfloat16).clamp(min=o["eps"])
    for _ in range(o["ns_steps"]):
        gram = x @ x.mT
        x = F.addmm(x, F.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


def _muon(_: Any, o: Mapping[str, Any]) -> O.Rule:
    """Jordan et al. 2024, Liu et al. 2025: the momentum of a matrix, made orthogonal."""
    lr, momentum, how = o["lr"], o["momentum"], o["adjust_lr_fn"]

    def update(p: Tensor, g: Tensor, b: Tensor) -> tuple[Tensor, ...]:
        rows, columns = p.shape
        scale = 0.2 * sqrt(max(rows, columns)) if how == "match_rms_adamw" else sqrt(max(1, rows / columns))
        b = F.lerp(b, g, 1 - momentum)
        way = _orthogonal(F.lerp(g, b, momentum) if o["nesterov"] else b, o)
        return F.add(p * (1 - lr * o["weight_decay"]), way, alpha=-lr * scale), b

    return lambda: ((), ()), lambda: update


adadelta_ = Update("adadelta_", O.adadelta)
adafactor_ = Update("adafactor_", _adafactor, elementwise=False)
adagrad_ = Update("adagrad_", O.adagrad)
adam_ = Update("adam_", O.adam)
adamax_ = Update("adamax_", O.adamax)
asgd_ = Update("asgd_", O.asgd)
muon_ = Update("muon_", _muon, elementwise=False)
nadam_ = Update("nadam_", O.nadam)
radam_ = Update("radam_", O.radam)
rmsprop_ = Update("rmsprop_", O.rmsprop)
rprop_ = Update("rprop_", O.rprop)
sgd_ = Update("sgd_", O.sgd)


nameless(globals())

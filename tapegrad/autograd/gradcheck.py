"""Whether derivatives are right: compared with finite differences.

A function of complex numbers is seen as one of their real and imaginary parts. The Jacobian of a real number
s by a complex x holds ds/dRe(x) + i ds/dIm(x), which is what backward computes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from tapegrad import func as transforms
from tapegrad import ops
from tapegrad._errors import describe, say_once
from tapegrad.autograd.engine import grad
from tapegrad.dtypes import FLOATING, INEXACT
from tapegrad.ops.random import Generator
from tapegrad.tensor import Tensor, wrap

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

Fn = Callable[..., Any]


class GradcheckError(RuntimeError):
    """What gradcheck raises: which input and output, both Jacobians, and where they differ most."""


def gradcheck(
    func: Fn,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of func, at inputs that require grad, agree with central differences.

    eps: the step; inputs should be float64. atol, rtol: |found - numerical| <= atol + rtol * |numerical|.
    nondet_tol: how far two backwards may differ. fast_mode: compare along one random direction only.
    check_undefined_grad: that outputs without gradient count as zeros. check_batched_grad: that vmap of the
    backward equals the loop. check_forward_ad: the same for forward mode. masked: for sparse layouts, which
    do not exist here.
    Raises: GradcheckError where they differ (with raise_exception=False: returns False), ValueError if no
    input requires grad. Source: torch.autograd.gradcheck.
    """
    _check_flags(check_backward_ad, check_forward_ad, check_batched_grad, check_batched_forward_grad)
    args = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    check = _Check(func, args, eps, atol, rtol, nondet_tol, fast_mode)
    try:
        check.run(check_backward_ad, check_forward_ad)
        if check_backward_ad and check_undefined_grad:
            check.undefined()
        if check_grad_dtypes:
            check.dtypes()
        if check_batched_grad:
            check.batched()
        if check_batched_forward_grad:
            check.batched_forward()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _check_flags(backward: bool, forward: bool, batched: bool, batched_forward: bool) -> None:
    """Raises: AssertionError, as torch does, for checks that do not go together."""
    if not (forward or backward):
        raise AssertionError("gradcheck: check_forward_ad and check_backward_ad are both off; turn one on.")
    if batched and not backward:
        raise AssertionError("gradcheck: check_batched_grad=True needs check_backward_ad=True.")
    if batched_forward and not forward:
        raise AssertionError("gradcheck: check_batched_forward_grad=True needs check_forward_ad=True.")


def gradgradcheck(
    func: Fn,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """As gradcheck, for the gradients themselves: whether func can be differentiated twice.

    grad_outputs: the cotangents at which the gradient is taken; by default random ones. check_fwd_over_rev:
    also forward mode over the backward. Source: torch.autograd.gradgradcheck.
    """
    args = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    gradients, gs = _gradients(func, args, grad_outputs, gen_non_contig_grad_outputs)
    return gradcheck(
        gradients,
        (*args, *gs),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
    )


def _gradients(func: Fn, args: tuple[Any, ...], grad_outputs: Any, strided: bool) -> tuple[Fn, list[Tensor]]:
    """(the gradients of func as a function of its arguments and of cotangents, such cotangents)."""
    outs = _outputs(func(*args))
    kept = [k for k, y in enumerate(outs) if y.requires_grad]
    asked = [i for i, x in enumerate(args) if isinstance(x, Tensor) and x.requires_grad]
    if grad_outputs is None:
        generator = Generator().manual_seed(0)
        gs = [_noise(outs[k], generator, strided).requires_grad_() for k in kept]
    else:
        gs = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)

    def gradients(*both: Any) -> Any:
        given = list(both[: len(args)])

        def live(*xs: Tensor) -> tuple[Tensor, ...]:
            for i, x in zip(asked, xs, strict=True):
                given[i] = x
            found = _outputs(func(*given))
            return tuple([found[k] for k in kept])

        return transforms.vjp(live, *[given[i] for i in asked])[1](both[len(args) :])

    return gradients, gs


def _outputs(result: Any) -> list[Tensor]:
    """The tensors that a function returned and that can have derivatives."""
    every = result if isinstance(result, (tuple, list)) else (result,)
    return [y for y in every if isinstance(y, Tensor) and y._kind.kind in INEXACT]


def _live(result: Any) -> list[Tensor]:
    return [y for y in _outputs(result) if y.requires_grad]


def _noise(like: Tensor, generator: Generator, strided: bool = False) -> Tensor:
    """A random tensor of the same shape and dtype."""
    shape = (*like.shape, 2) if strided else tuple(like.shape)
    real = like.dtype if like._kind.kind in FLOATING else ops.empty(0, dtype=like.dtype).abs().dtype
    x: Tensor = ops.rand(shape, generator=generator, dtype=real) + 0.1
    if like._kind.kind == "c":
        x = x + 1j * ops.rand(shape, generator=generator, dtype=real)
    return x[..., 0] if strided else x


def _real(a: Any) -> Any:
    """An array as a flat one of real numbers: first the real parts, then the imaginary ones."""
    a = np.asarray(a).reshape(-1)
    return np.concatenate([a.real, a.imag]) if a.dtype.kind == "c" else a


@dataclass(slots=True)
class _Check:
    """One check: a function, its arguments, and how exact it must be.

    Jacobians have a row per real number of an input, and a column per real number of an output.
    """

    func: Fn
    args: tuple[Any, ...]
    eps: float
    atol: float
    rtol: float
    nondet: float
    fast: bool

    def run(self, backward: bool, forward: bool) -> None:
        """Compare the Jacobians. Raises: GradcheckError where they differ."""
        live = self.live()
        outs = _outputs(self.func(*self.args))
        for i, x in live:
            numerical = self.numerical(i, x)
            for k, y in enumerate(outs):
                if backward:
                    self.backward(i, x, k, y.requires_grad, numerical[k])
            if forward:
                for k, found in enumerate(self.forward(i, x)):
                    self.compare(i, k, found, numerical[k], "forward mode")

    def live(self) -> list[tuple[int, Tensor]]:
        """The inputs that require grad. Raises: ValueError if there are none."""
        found = [(i, x) for i, x in enumerate(self.args) if isinstance(x, Tensor) and x.requires_grad]
        if not found:
            raise ValueError("gradcheck: no input requires grad; call requires_grad_() on one.")
        for i, x in found:
            if x._kind.itemsize < (16 if x._kind.kind == "c" else 8):
                say_once(
                    f"gradcheck: input {i} is {x.dtype}, in which differences are too inexact to check a "
                    "gradient; use float64."
                )
        return found

    # -- finite differences

    def numerical(self, i: int, x: Tensor) -> list[Any]:
        """The Jacobian of each output by input i, from central differences; in fast mode the derivative along
        one direction."""
        rows = []
        for direction in self.directions(x):
            ends = []
            for sign in (1, -1):
                moved = wrap(np.asarray(x._a + sign * self.eps * direction, x._kind)).requires_grad_()
                args = (*self.args[:i], moved, *self.args[i + 1 :])
                ends.append([np.array(_real(y._a)) for y in _outputs(self.func(*args))])
            rows.append([(a - b) / (2 * self.eps) for a, b in zip(*ends, strict=True)])
        if not rows:
            return [np.zeros((0, _real(y._a).size)) for y in _outputs(self.func(*self.args))]
        return [np.stack(columns) for columns in zip(*rows, strict=True)]

    def directions(self, x: Tensor) -> list[Any]:
        """Along what x is moved: each real number in turn; in fast mode a random direction."""
        shape, complex_ = x._a.shape, x._kind.kind == "c"
        if self.fast:
            d = np.asarray(_noise(x, Generator().manual_seed(0))._a)
            return [d / max(float(np.linalg.norm(d)), 1e-30)]
        found = []
        for unit in (1, 1j) if complex_ else (1,):
            for at in np.ndindex(shape):
                d = np.zeros(shape, x._kind)
                d[at] = unit
                found.append(d)
        return found

    # -- what is checked

    def backward(self, i: int, x: Tensor, k: int, live: bool, numerical: Any) -> None:
        """Compare output k's gradient by input i. Raises: GradcheckError where they differ."""
        found = self.analytical(i, x, k) if live else np.zeros_like(numerical)
        again = self.analytical(i, x, k) if live else found
        if found.size and np.abs(found - again).max() > self.nondet:
            raise GradcheckError(
                f"gradcheck: two backwards of output {k} by input {i} differ by "
                f"{np.abs(found - again).max():.3g}, more than nondet_tol={self.nondet}; backward must give "
                "the same each time."
            )
        self.compare(i, k, found, numerical, "backward")

    def analytical(self, i: int, x: Tensor, k: int) -> Any:
        """The Jacobian of output k by input i, from backward; in fast mode along one direction."""
        columns = []
        y = _outputs(self.func(*self.args))[k]
        for seed in self.seeds(y):
            (g,) = grad(y, x, wrap(seed), retain_graph=True, allow_unused=True)
            g = np.zeros(x._a.shape, x._kind) if g is None else np.asarray(g._a)
            if g.shape != x._a.shape:
                raise GradcheckError(
                    f"gradcheck: input {i} is {describe(x)}, and its gradient {describe(g)}; both must be "
                    "alike."
                )
            columns.append(_real(g))
        if not columns:
            return np.zeros((len(self.directions(x)), 0))
        jacobian = np.stack(columns, 1)
        return np.stack([_real(d) for d in self.directions(x)]) @ jacobian if self.fast else jacobian

    def seeds(self, y: Tensor) -> list[Any]:
        """A cotangent for each real number of y."""
        found = []
        for unit in (1, 1j) if y._kind.kind == "c" else (1,):
            for at in np.ndindex(y._a.shape):
                d = np.zeros(y._a.shape, y._kind)
                d[at] = unit
                found.append(d)
        return found

    def forward(self, i: int, x: Tensor) -> list[Any]:
        """The Jacobian of each output by input i, from forward mode."""
        rows = []
        for direction in self.directions(x):
            tangents = transforms.jvp(self.of(i), (x.detach(),), (wrap(direction),))[1]
            rows.append([_real(t._a) for t in tangents])
        return [np.stack(columns) for columns in zip(*rows, strict=True)] if rows else []

    def of(self, i: int) -> Fn:
        """The outputs as a function of input i alone."""
        return lambda x: tuple(_outputs(self.func(*self.args[:i], x, *self.args[i + 1 :])))

    def compare(self, i: int, k: int, found: Any, numerical: Any, mode: str) -> None:
        """Raises: GradcheckError unless the Jacobians agree."""
        off = np.abs(found - numerical)
        allowed = self.atol + self.rtol * np.abs(numerical)
        if not (off > allowed).any() and not (np.isnan(found) ^ np.isnan(numerical)).any():
            return
        worst = np.unravel_index(np.argmax(np.where(np.isnan(off), np.inf, off - allowed)), off.shape)
        what = "the derivative along one direction" if self.fast else "the Jacobian"
        at = [int(w) for w in worst]
        raise GradcheckError(
            f"gradcheck: {what} of output {k} by input {i} ({mode}) differs from the numerical one, most for "
            f"element {at[0]} of the input and {at[1]} of the output: {found[worst]:.6g}, and numerically "
            f"{numerical[worst]:.6g}.\nanalytical:\n{found}\nnumerical:\n{numerical}"
        )

    # -- the other checks

    def undefined(self) -> None:
        """Outputs whose gradient is missing must count as zeros."""
        xs = [x for _, x in self.live()]
        outs = _live(self.func(*self.args))
        for k in range(len(outs) if len(outs) > 1 else 0):
            outs = _live(self.func(*self.args))
            gs = [ops.ones_like(y.detach()) for y in outs]
            alone = grad(outs[k], xs, gs[k], retain_graph=True, allow_unused=True)
            zeros = [g if j == k else g * 0 for j, g in enumerate(gs)]
            both = grad(outs, xs, zeros, allow_unused=True)
            for i, (a, b) in enumerate(zip(alone, both, strict=True)):
                a, b = (0 if g is None else np.asarray(g._a) for g in (a, b))
                if not np.array_equal(np.broadcast_to(a, np.shape(b)), b, equal_nan=True):
                    raise GradcheckError(
                        f"gradcheck: the gradient of input {i} differs when outputs other than {k} have no "
                        "gradient, and when they have zeros; backward must take None for zeros."
                    )

    def dtypes(self) -> None:
        """Gradients must have the dtype of their inputs."""
        live = self.live()
        for y in _live(self.func(*self.args)):
            gs = grad(y, [x for _, x in live], ops.ones_like(y.detach()), allow_unused=True)
            for (i, x), g in zip(live, gs, strict=True):
                if g is not None and g._kind is not x._kind:
                    raise GradcheckError(f"gradcheck: input {i} is {x.dtype}, and its gradient {g.dtype}.")

    def batched(self) -> None:
        """vmap of the backward must equal the loop."""
        xs = [x for _, x in self.live()]
        for k, y in enumerate(_live(self.func(*self.args))):
            generator = Generator().manual_seed(1)
            gs = ops.stack([_noise(y, generator) for _ in range(2)])

            def back(g: Tensor, y: Tensor = y) -> Any:
                found = grad(y, xs, g, retain_graph=True, allow_unused=True)
                return tuple([ops.zeros_like(x) if f is None else f for x, f in zip(xs, found, strict=True)])

            self.same(transforms.vmap(back)(gs), [back(g) for g in gs], f"of output {k} (backward)")

    def batched_forward(self) -> None:
        """vmap of forward mode must equal the loop."""
        for i, x in self.live():
            generator = Generator().manual_seed(1)
            ts = ops.stack([_noise(x, generator) for _ in range(2)])

            def push(t: Tensor, i: int = i, x: Tensor = x) -> Any:
                return tuple(transforms.jvp(self.of(i), (x.detach(),), (t,))[1])

            self.same(transforms.vmap(push)(ts), [push(t) for t in ts], f"by input {i} (forward mode)")

    def same(self, batch: Sequence[Tensor], singles: Sequence[Sequence[Tensor]], what: str) -> None:
        """Raises: GradcheckError unless a batch of results equals single ones."""
        for b, *each in zip(batch, *singles, strict=True):
            loop = np.stack([np.asarray(t._a) for t in each])
            if not np.allclose(np.asarray(b._a), loop, self.rtol, self.atol, equal_nan=True):
                raise GradcheckError(
                    f"gradcheck: vmap of the derivative {what} gives\n{b}\nand the loop\n{loop}"
                )


class _Callable(ModuleType):
    """torch has a module and a function of this name; whoever imports the module can call it as well."""

    def __call__(self, *args: Any, **kwargs: Any) -> bool:
        return gradcheck(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable

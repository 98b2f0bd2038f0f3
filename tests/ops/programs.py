"""Random programs that run on tapegrad and on torch step by step.

A program is a list of steps, a step is five small numbers: which operation, on which tensors, with which
choices. All that a program has are its tensors: what a step returns is appended to them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tapegrad

Step = tuple[int, int, int, int, int]

MOST = 14  # tensors; the oldest results make room
HUGE = 1e9  # beyond it rounding errors rule, and a program ends
LEAVES = (((3, 4), True), ((4,), True), ((), True), ((3, 1), False), ((5, 5), True), ((3, 4), False))


def leaves(lib: Any) -> list[Any]:
    """What a program starts with: small and large (beyond 16 elements), with and without requires_grad."""
    found = []
    for i, (shape, grad) in enumerate(LEAVES):
        values = np.random.default_rng(i).uniform(-1.5, 1.5, shape).round(3)
        found.append(lib.tensor(values, dtype=lib.float64, requires_grad=grad))
    return found


def _number(k: int) -> float:
    return (k % 9 - 4) / 2


def _axis(x: Any, k: int) -> int:
    return k % (x.dim() + 1) - 1  # sometimes out of range


def _place(x: Any, i: int) -> Any:
    """A basic index."""
    return (
        i % 3,
        slice(i % 2, None),
        slice(None, None, 2),
        (..., 0),
        (slice(None), i % 3),
        (None, ...),
        (slice(1, 3), slice(0, 2)),
        ...,
    )[i % 8]


def _rows(lib: Any, k: int) -> Any:
    return lib.tensor([[0], [1, 0], [2, 2, 0], [-1, 1]][k % 4])


def _grad(lib: Any, x: Any, y: Any, i: int) -> Any:
    """A gradient that is itself recorded, if there is one."""
    (g,) = lib.autograd.grad(x.sum(), [y], create_graph=i % 2 == 0, allow_unused=True)
    return y * 1 if g is None else g.clone()  # torch's may repeat one element


def _backward(lib: Any, x: Any, y: Any, i: int) -> None:
    x.sum().backward(retain_graph=i % 2 == 0)


def _watched(x: Any, i: int) -> Any:
    """A new result with a hook or a retained gradient."""
    z = x * 1
    if i % 2:
        z.register_hook(lambda g: g * 2 if i % 3 else None)
    else:
        z.retain_grad()
    return z


def _assigned(x: Any, at: Any, value: Any) -> Any:
    x[at] = value
    return x


# name -> f(lib, x, y, i, j): x and y are tensors, i and j choices
PURE: dict[str, Callable[..., Any]] = {
    "add": lambda lib, x, y, i, j: x + y,
    "sub": lambda lib, x, y, i, j: x - y,
    "mul": lambda lib, x, y, i, j: x * y,
    "div": lambda lib, x, y, i, j: x / (y.abs() + 1),
    "div by": lambda lib, x, y, i, j: x / y,
    "number": lambda lib, x, y, i, j: (x + _number(i), _number(i) - x, x * _number(i), x / 2)[j % 4],
    "square": lambda lib, x, y, i, j: x**2,
    "cube": lambda lib, x, y, i, j: x**3,
    "neg": lambda lib, x, y, i, j: -x,
    "sin": lambda lib, x, y, i, j: x.sin(),
    "tanh": lambda lib, x, y, i, j: x.tanh(),
    "sigmoid": lambda lib, x, y, i, j: lib.sigmoid(x),
    "relu": lambda lib, x, y, i, j: x.relu(),
    "abs": lambda lib, x, y, i, j: x.abs(),
    "exp": lambda lib, x, y, i, j: (-x.abs()).exp(),
    "sqrt": lambda lib, x, y, i, j: (x.abs() + 0.5).sqrt(),
    "maximum": lambda lib, x, y, i, j: lib.maximum(x, y),
    "where": lambda lib, x, y, i, j: lib.where(x > 0, x, y),
    "clamp": lambda lib, x, y, i, j: x.clamp(-0.7, 0.7),
    "sum": lambda lib, x, y, i, j: x.sum(),
    "sum dim": lambda lib, x, y, i, j: x.sum(_axis(x, i), keepdim=j % 2 == 0),
    "mean": lambda lib, x, y, i, j: x.mean(),
    "mean dim": lambda lib, x, y, i, j: x.mean(_axis(x, i)),
    "var": lambda lib, x, y, i, j: x.var(correction=0),
    "prod": lambda lib, x, y, i, j: x.prod(),
    "amax": lambda lib, x, y, i, j: x.amax(_axis(x, i)),
    "max": lambda lib, x, y, i, j: x.max(_axis(x, i))[0],
    "softmax": lambda lib, x, y, i, j: x.softmax(_axis(x, i)),
    "matmul": lambda lib, x, y, i, j: x @ y,
    "matmul t": lambda lib, x, y, i, j: x @ y.t(),
    "cat": lambda lib, x, y, i, j: lib.cat([x, y], _axis(x, i)),
    "stack": lambda lib, x, y, i, j: lib.stack([x, y, x]),
    "clone": lambda lib, x, y, i, j: x.clone(),
    "contiguous": lambda lib, x, y, i, j: x.contiguous(),
    "rows": lambda lib, x, y, i, j: x[_rows(lib, i)],
    "columns": lambda lib, x, y, i, j: x[:, _rows(lib, i)],
    "mask": lambda lib, x, y, i, j: x[x > _number(i) / 2],
    "mse": lambda lib, x, y, i, j: lib.nn.functional.mse_loss(x, y) if x.shape == y.shape else x.mean(),
    "detach_": lambda lib, x, y, i, j: (x * 1).detach_(),
    "half": lambda lib, x, y, i, j: (x.float() * 2).double(),
    "index_put": lambda lib, x, y, i, j: x.index_put((_rows(lib, i),), y, accumulate=j % 2 == 0),
}
VIEWS: dict[str, Callable[..., Any]] = {
    "t": lambda lib, x, y, i, j: x.t(),
    "transpose": lambda lib, x, y, i, j: x.transpose(_axis(x, i), _axis(x, j)),
    "at": lambda lib, x, y, i, j: x[_place(x, i)],
    "at 2": lambda lib, x, y, i, j: x[_place(x, i)][_place(x, j)],
    "view": lambda lib, x, y, i, j: x.view(-1),
    "reshape": lambda lib, x, y, i, j: x.reshape(-1),
    "flatten": lambda lib, x, y, i, j: x.flatten(),
    "unsqueeze": lambda lib, x, y, i, j: x.unsqueeze(_axis(x, i)),
    "squeeze": lambda lib, x, y, i, j: x.squeeze(),
    "expand": lambda lib, x, y, i, j: x.expand(2, *x.shape),
    "unbind": lambda lib, x, y, i, j: list(x.unbind(_axis(x, i)))[:2],
    "split": lambda lib, x, y, i, j: list(x.split(2)),
    "detach": lambda lib, x, y, i, j: x.detach(),
    "view of view": lambda lib, x, y, i, j: x.t().reshape(-1),
}
# These write into x and return it.
WRITES: dict[str, Callable[..., Any]] = {
    "add_": lambda lib, x, y, i, j: x.add_(y),
    "sub_": lambda lib, x, y, i, j: x.sub_(y),
    "mul_": lambda lib, x, y, i, j: x.mul_(y),
    "div_": lambda lib, x, y, i, j: x.div_(y.abs() + 1),
    "number_": lambda lib, x, y, i, j: (x.add_ if j % 2 else x.sub_)(_number(i)).mul_(_number(j)),
    "tanh_": lambda lib, x, y, i, j: x.tanh_(),
    "sin_": lambda lib, x, y, i, j: x.sin_(),
    "relu_": lambda lib, x, y, i, j: x.relu_(),
    "neg_": lambda lib, x, y, i, j: x.neg_(),
    "abs_": lambda lib, x, y, i, j: x.abs_(),
    "pow_": lambda lib, x, y, i, j: x.pow_(2),
    "clamp_": lambda lib, x, y, i, j: x.clamp_(-0.8, 0.8),
    "zero_": lambda lib, x, y, i, j: x.zero_(),
    "fill_": lambda lib, x, y, i, j: x.fill_(_number(i)),
    "copy_": lambda lib, x, y, i, j: x.copy_(y),
    "set": lambda lib, x, y, i, j: _assigned(x, _place(x, i), y),
    "set number": lambda lib, x, y, i, j: _assigned(x, _place(x, i), _number(j)),
    "set rows": lambda lib, x, y, i, j: _assigned(x, _rows(lib, i), y),
    "set mask": lambda lib, x, y, i, j: _assigned(x, x > _number(i) / 2, _number(j)),
    "put_": lambda lib, x, y, i, j: x.index_put_((_rows(lib, i),), y, accumulate=j % 2 == 0),
}
SWEEPS: dict[str, Callable[..., Any]] = {
    "backward": lambda lib, x, y, i, j: _backward(lib, x, y, i),
    "grad": lambda lib, x, y, i, j: _grad(lib, x, y, i),
    "watch": lambda lib, x, y, i, j: _watched(x, i),
    "new leaf": lambda lib, x, y, i, j: x.clone().detach().requires_grad_(),
}
STEPS = {**PURE, **VIEWS, **WRITES, **SWEEPS}
# In-place writes and views are what goes wrong: they come more often.
NAMES = [*PURE, *VIEWS, *VIEWS, *WRITES, *WRITES, *SWEEPS]

# What torch refuses and tapegrad need not: a program ends there.
TORCH_ONLY = (
    "single memory location",  # NumPy copies where memory overlaps
    "multiple views",  # here the views that split and unbind cut can be written
    "view was created in no_grad",
    "doesn't require differentiable",
)
OURS_ONLY = ("share one place in memory",)  # an expanded tensor cannot be written, also not in parts


_REFUSED = (IndexError, RuntimeError)


class Run:
    """One program on both libraries."""

    def __init__(self, torch: Any) -> None:
        self.libs = (tapegrad, torch)
        self.tensors = (leaves(tapegrad), leaves(torch))
        self.over = False
        self.text: list[str] = []

    def step(self, step: Step) -> None:
        """Run one step on both and compare. Raises: AssertionError where they differ."""
        op, a, b, i, j = step
        name = NAMES[op % len(NAMES)]
        n = len(self.tensors[0])
        before = [t.detach().numpy().copy() for t in self.tensors[0]]
        x, y, quiet = a % n, b % n, (i + j) % 11 == 0 and name not in VIEWS
        self.text.append(f"{name}: x={x}, y={y}, i={i}, j={j}" + " in no_grad" * quiet)
        outcomes = [self._run(k, name, x, y, i, j, quiet) for k in (0, 1)]
        (ours, error), (theirs, other) = outcomes
        if error is not None or other is not None:
            self._compare_errors(error, other)
            if error is not None:
                self._check_unchanged(before)
            return
        assert isinstance(ours, list) == isinstance(theirs, list)
        for tensors, results in zip(self.tensors, (ours, theirs), strict=True):
            tensors += results if isinstance(results, list) else [] if results is None else [results]
            del tensors[len(LEAVES) : max(len(LEAVES), len(tensors) - MOST + len(LEAVES))]
        self.text[-1] += f" -> {[list(t.shape) for t in self.tensors[1][n:]]}"
        self.compare()

    def _run(self, k: int, name: str, x: int, y: int, i: int, j: int, quiet: bool) -> tuple[Any, Any]:
        lib, tensors = self.libs[k], self.tensors[k]
        a, b = tensors[x], tensors[y]
        if name in WRITES and np.shares_memory(*[self.tensors[0][at].detach().numpy() for at in (x, y)]):
            b = b.clone()  # torch refuses what overlaps, at once or in the backward
        try:
            with warnings.catch_warnings(), lib.set_grad_enabled(not quiet):
                warnings.simplefilter("ignore" if k else "error")
                warnings.simplefilter("ignore", tapegrad.TapegradWarning)
                return STEPS[name](lib, a, b, i, j), None
        except Exception as error:  # noqa: BLE001 # any class is compared
            return None, error

    def _compare_errors(self, ours: Any, theirs: Any) -> None:
        if any(text in str(theirs) for text in TORCH_ONLY) or any(text in str(ours) for text in OURS_ONLY):
            self.over = True
            return
        # a refused step changes nothing here; torch may have done a part of it
        self.over = self.over or any(word in self.text[-1] for word in ("backward", "put", "set"))
        either = "put" in self.text[-1] or "set" in self.text[-1]  # of two mistakes each names one
        if not (either and isinstance(ours, _REFUSED) and isinstance(theirs, _REFUSED)):
            assert type(ours) is type(theirs), f"{ours!r:.300} and torch {theirs!r:.300}"

    def _check_unchanged(self, before: list[Any]) -> None:
        for k, (old, t) in enumerate(zip(before, self.tensors[0], strict=True)):
            assert np.array_equal(old, t.detach().numpy()), f"tensor {k} was changed by a step that failed"

    def compare(self) -> None:
        """All tensors: values, whether they require grad, whether they are leaves, their gradients."""
        try:
            [t.requires_grad and t.grad_fn for t in self.tensors[1]]
        except RuntimeError as error:  # torch looks whether they may be used
            self._compare_errors(None, error)
            return
        for k, (a, b) in enumerate(zip(*self.tensors, strict=True)):
            self._close(f"tensor {k}", a, b)
            assert a.requires_grad == b.requires_grad, f"tensor {k}: requires_grad {a.requires_grad}"
            assert a.is_leaf == b.is_leaf, f"tensor {k}: is_leaf {a.is_leaf}"
            if b.is_leaf or b.retains_grad:
                g, h = a.grad, b.grad
                assert (g is None) == (h is None), f"gradient of tensor {k}: {g} and torch {h}"
                if g is not None:
                    self._close(f"gradient of tensor {k}", g, h)

    def _close(self, what: str, a: Any, b: Any) -> None:
        x, y = a.detach().numpy(), b.detach().numpy()
        assert (x.dtype, x.shape) == (y.dtype, y.shape), what
        if x.size == 0:
            return
        if not np.isfinite(y).all() or abs(y).max() > HUGE:
            self.over = True
        else:
            assert np.allclose(x, y, 1e-9, 1e-9 * max(1.0, abs(y).max())), f"{what}: {x} and torch {y}"

    def finish(self) -> None:
        """Go back from all that requires grad; then look for arrays that are shared."""
        if self.over:
            return
        for k in (0, 1):
            last = [t for t in self.tensors[k] if t.requires_grad]
            self.tensors[k].append(sum([t.sum() * (1 + i / 8) for i, t in enumerate(last)]))
        if not isinstance(self.tensors[1][-1], int):
            self.text.append("backward of everything")
            n = len(self.tensors[0]) - 1
            (_, error), (_, other) = (self._run(k, "backward", n, n, 1, 1, False) for k in (0, 1))
            if error is not None or other is not None:
                self._compare_errors(error, other)
            else:
                self.compare()
        self._check_owners()

    def _check_owners(self) -> None:
        """A leaf's gradient is its own: no other gradient and no tensor shows its memory."""
        ours = self.tensors[0]
        grads = [t.grad.numpy() for t in ours[: len(LEAVES)] if t.grad is not None]
        values = [t.detach().numpy() for t in ours]
        for i, g in enumerate(grads):
            assert g.flags.writeable, "a gradient is read-only"
            for other in (*grads[:i], *values):
                assert not np.shares_memory(g, other), "a gradient shares its memory"


def run(torch: Any, program: Sequence[Step]) -> None:
    """Run a program. Raises: AssertionError, with the steps so far, where the libraries differ."""
    both = Run(torch)
    try:
        for step in program:
            both.step(step)
            if both.over:
                break
        both.finish()
    except AssertionError as e:
        raise AssertionError("\n".join([*both.text, str(e)])) from None

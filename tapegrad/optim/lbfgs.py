"""L-BFGS: Newton's method with the curvature of the last steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tapegrad import ops as F
from tapegrad.autograd import enable_grad, no_grad
from tapegrad.optim.optimizer import Params
from tapegrad.optim.updating import Checked, given
from tapegrad.tensor import Tensor
from tapegrad.views import check_writable

ENOUGH, FLAT = 1e-4, 0.9  # Wolfe's conditions: how much the loss must fall, and its slope


class Point(NamedTuple):
    """A step size, the loss there, the gradient, and the slope along the direction."""

    t: Any
    f: float
    g: Tensor
    slope: Any


def _lowest(a: Point, b: Point, bounds: tuple[Any, Any] | None = None) -> Any:
    """Where the cubic through two points is lowest, within bounds (by default between them)."""
    low, high = bounds or ((a.t, b.t) if a.t <= b.t else (b.t, a.t))
    d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2.0
    d2 = square.sqrt()
    if a.t <= b.t:
        best = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    else:
        best = a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2))
    return min(max(best, low), high)


class _Search:
    """A line search for a point that satisfies Wolfe's strong conditions.

    at: gives the Point of a step size. start: the Point at 0. Source: Nocedal and Wright, algorithm 3.5.
    """

    def __init__(self, at: Callable[[Any], Point], start: Point, most: int) -> None:
        self.at, self.start, self.most = at, start, most
        self.tried, self.done = 0, False
        self.ends: list[Point] = []

    def _falls(self, p: Point) -> bool:
        return bool(p.f <= self.start.f + ENOUGH * p.t * self.start.slope)

    def _is_flat(self, p: Point) -> bool:
        return bool(abs(p.slope) <= -FLAT * self.start.slope)

    def bracket(self, t: Any) -> None:
        """Find two ends between which there is such a point, or the point."""
        last, new = self.start, self.at(t)
        while self.tried < self.most:
            if not self._falls(new) or (self.tried > 1 and new.f >= last.f):
                self.ends = [last, new]
                return
            if self._is_flat(new):
                self.ends, self.done = [new], True
                return
            if new.slope >= 0:
                self.ends = [last, new]
                return
            t = _lowest(last, new, (new.t + 0.01 * (new.t - last.t), new.t * 10))
            last, new = new, self.at(t)
            self.tried += 1
        self.ends = [self.start, new]

    def zoom(self, longest: Any, nearest: float) -> Point:
        """Narrow the ends until such a point is found, or no element of the direction, of which `longest`
        is the longest, is `nearest` apart between them."""
        ends, stuck = self.ends, False
        low, high = (0, 1) if ends[0].f <= ends[-1].f else (1, 0)
        while not self.done and self.tried < self.most:
            if abs(ends[1].t - ends[0].t) * longest < nearest:
                break
            t, stuck = self._inside(_lowest(ends[0], ends[1]), stuck)
            new = self.at(t)
            self.tried += 1
            if not self._falls(new) or new.f >= ends[low].f:
                ends[high] = new
                low, high = (0, 1) if ends[0].f <= ends[1].f else (1, 0)
                continue
            if self._is_flat(new):
                self.done = True
            elif new.slope * (ends[high].t - ends[low].t) >= 0:
                ends[high] = ends[low]
            ends[low] = new
        return ends[low]

    def _inside(self, t: Any, stuck: bool) -> tuple[Any, bool]:
        """t, away from the ends if that is the second time; and whether it was the first."""
        last, first = max(e.t for e in self.ends), min(e.t for e in self.ends)
        margin = 0.1 * (last - first)
        if not min(last - t, t - first) < margin:
            return t, False
        if stuck or t >= last or t <= first:
            return (last - margin if abs(t - last) < abs(t - first) else first + margin), False
        return t, True


class LBFGS(Checked):
    """Newton's method with an inverse Hessian from the last `history_size` steps. `step` needs a closure,
    and calls it up to max_eval times. line_search_fn: None or "strong_wolfe".

    One group only. All parameters' gradients are one vector; its state is the first parameter's.
    Raises: ValueError for a negative lr or several groups; RuntimeError for another line search.
    Source: torch.optim.LBFGS; Nocedal and Wright, chapters 3 and 7.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        max_eval = max_iter * 5 // 4 if max_eval is None else max_eval
        super().__init__(params, given(locals()))
        n = len(self.param_groups)
        self._need(n == 1, "params", f"{n} groups", "one is needed")

    def _gradient(self) -> Tensor:
        """All gradients as one vector."""
        parts = [F.zeros_like(p) if p.grad is None else p.grad for p in self._params]
        result: Tensor = F.cat([(F.view_as_real(g) if g.is_complex() else g).reshape(-1) for g in parts])
        return result

    @property
    def _params(self) -> list[Tensor]:
        params: list[Tensor] = self.param_groups[0]["params"]
        return params

    def _move(self, t: Any, d: Tensor) -> None:
        """Go t times d."""
        start = 0
        for p in self._params:
            p = F.view_as_real(p) if p.is_complex() else p
            p.add_(d[start : start + p.numel()].view_as(p) * t)
            start += p.numel()

    def _direction(self, state: dict[str, Any], g: Tensor, size: int) -> Tensor:
        """Minus the approximate inverse Hessian times g, after the last step was remembered."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return -g
        y, s = g - state["prev_flat_grad"], state["d"] * state["t"]
        ys = y.dot(s)
        dirs, steps, ro = state["old_dirs"], state["old_stps"], state["ro"]
        if ys > 1e-10:
            if len(dirs) == size:
                for kept in (dirs, steps, ro):
                    kept.pop(0)
            dirs.append(y)
            steps.append(s)
            ro.append(1.0 / ys)
            state["H_diag"] = ys / y.dot(y)
        al = state.setdefault("al", [None] * size)
        q = -g
        for i in range(len(dirs) - 1, -1, -1):
            al[i] = steps[i].dot(q) * ro[i]
            q = q - dirs[i] * al[i]
        d: Tensor = q * state["H_diag"]
        for i in range(len(dirs)):
            d = d + steps[i] * (al[i] - dirs[i].dot(d) * ro[i])
        return d

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override] # it needs one, as torch's
        """Up to max_iter iterations; `closure` computes the loss and its gradients, and returns it.

        Raises: RuntimeError if a parameter must not be written, or for an unknown line search.
        """
        search = self.param_groups[0]["line_search_fn"]
        if search not in (None, "strong_wolfe"):
            raise RuntimeError(f"LBFGS: line_search_fn is {search!r}; None or 'strong_wolfe' is needed.")
        with no_grad():
            for p in self._params:
                check_writable(p, "LBFGS")
            return self._minimize(enable_grad()(closure), self.param_groups[0])

    def _minimize(self, closure: Callable[[], Any], group: dict[str, Any]) -> Any:
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first = closure()
        loss, g, evals = float(first), self._gradient(), 1
        state["func_evals"] += 1
        if g.abs().max() <= group["tolerance_grad"]:
            return first
        for i in range(1, group["max_iter"] + 1):
            d, t = self._plan(state, g, loss, group)
            slope, before, more = g.dot(d), loss, 0
            if slope > -group["tolerance_change"]:
                break
            if group["line_search_fn"] is not None:
                found, more = self._search(closure, Point(0, loss, g, slope), t, d, group["max_eval"] - evals)
                state["t"] = t = found.t
                loss, g = found.f, found.g
                self._move(t, d)
            else:
                self._move(t, d)
                if i < group["max_iter"]:
                    loss, g, more = float(closure()), self._gradient(), 1
            evals += more
            state["func_evals"] += more
            if evals >= group["max_eval"] or g.abs().max() <= group["tolerance_grad"]:
                break
            least = group["tolerance_change"]
            if (d * t).abs().max() <= least or abs(loss - before) < least:
                break
        return first

    def _plan(
        self, state: dict[str, Any], g: Tensor, loss: float, group: dict[str, Any]
    ) -> tuple[Tensor, Any]:
        """The next direction and the first size to try, which the state then has."""
        state["n_iter"] += 1
        lr = group["lr"].squeeze() if isinstance(group["lr"], Tensor) else group["lr"]
        d = self._direction(state, g, group["history_size"])
        t = min(1.0, 1.0 / g.abs().sum()) * lr if state["n_iter"] == 1 else lr
        state.update(d=d, t=t, prev_flat_grad=g.clone(), prev_loss=loss)
        return d, t

    def _search(
        self, closure: Callable[[], Any], start: Point, t: Any, d: Tensor, most: int
    ) -> tuple[Point, int]:
        """The Point that a line search finds, and how often it called the closure."""
        held = [p.clone() for p in self._params]

        def at(t: Any) -> Point:
            try:
                self._move(t, d)
                loss, g = float(closure()), self._gradient()
            finally:
                for p, x in zip(self._params, held, strict=True):
                    p.copy_(x)
            return Point(t, loss, g, g.dot(d))

        search = _Search(at, start, most)
        search.bracket(t)
        found = search.zoom(d.abs().max(), self.param_groups[0]["tolerance_change"])
        return found, search.tried + 1

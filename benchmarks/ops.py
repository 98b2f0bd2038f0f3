"""python -m benchmarks.ops: operations beside PyTorch's, small and large, forward and with backward.

python -m benchmarks.ops                            at 10, 1,000 and 1,000,000 elements
python -m benchmarks.ops --sizes 10 --only 'sort'   some
python -m benchmarks.ops --columns 2 3 10           those over q, with so many columns
python -m benchmarks.ops --json FILE                save the results too
python -m benchmarks.ops --sizes 10 --processor     where other programs keep the machine busy

Each line of `OPS` is an expression over the variables that `variables` makes of n elements; those of a
family are written with {} for each of its names (not those that end with an underscore). An expression over
x, y, u, m, q or s is also timed with its backward, if it has one: "+b".
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.runner import Peer, close
from tapegrad._files import atomic_write

OPS: dict[str, str] = {
    "torch.{}(x)": "abs asinh atan ceil cos cosh erf erfc exp exp2 expm1 floor frac neg positive relu round "
    "sigmoid sign signbit sin sinc sinh square tan tanh trunc isfinite isinf isnan nan_to_num deg2rad "
    "rad2deg all any amax amin argmax argmin aminmax count_nonzero logsumexp max mean median min mode "
    "nanmean nanmedian nansum norm prod std std_mean sum var var_mean "
    "argsort msort sort unique fliplr_ nonzero "
    "argwhere zeros_like ones_like rand_like randn_like empty_like clone diagflat_ atleast_2d",
    "torch.{}(u)": "acos asin atanh digamma erfinv lgamma logit log log10 log1p log2 reciprocal "
    "rsqrt sqrt i0",
    "torch.special.{}(u)": "entr erfcx expit i0e i1 i1e log_ndtr ndtr ndtri gammaln psi",
    "torch.{}(x, y)": "add atan2 copysign dist eq fmax fmin ge gt hypot isclose le logaddexp lt maximum "
    "minimum mul ne nextafter sub xlogy_",
    "torch.{}(x, p)": "div floor_divide fmod remainder true_divide float_power_ xlogy",
    "torch.pow(x, 2)": "",
    "torch.pow(p, y)": "",
    "x + 1.5": "",
    "x * x + y": "",
    "torch.{}(i, j)": "add mul bitwise_and bitwise_or bitwise_xor gcd lcm floor_divide remainder eq isin",
    "torch.{}(b, c)": "logical_and logical_or logical_xor eq",
    "torch.lerp(x, y, 0.3)": "",
    "torch.addcmul(x, y, p)": "",
    "torch.addcdiv(x, y, p)": "",
    "torch.clamp(x, -1, 1)": "",
    "torch.where(b, x, y)": "",
    "torch.{}(x, 0)": "cumsum cumprod cummax cummin logcumsumexp flip softmax log_softmax",
    "torch.{}(m, 1)": "sum mean amax argmax max min median mode prod std var logsumexp softmax log_softmax "
    "cumsum cumprod sort argsort nansum count_nonzero unbind all",
    "torch.{}(q, 1)": "sum mean amax argmax max median prod var logsumexp softmax log_softmax cumsum sort",
    "torch.topk(q, 2)": "",
    "torch.nn.functional.cross_entropy(q, h)": "",
    "torch.nn.functional.linear(q, w)": "",
    "torch.nn.functional.batch_norm(q, None, None, training=True)": "",
    "torch.nn.functional.normalize(q)": "",
    "torch.nn.functional.one_hot(h)": "",
    "q + q[0]": "",
    "q * q[:, :1]": "",
    "q - q.mean(1, keepdim=True)": "",
    "(q > 0).all(1)": "",
    "q[:500][:, None] - q[:500]": "",
    "torch.cdist(q[:500], q[:500])": "",
    "torch.einsum('ni,ni->n', q, q)": "",
    "torch.gather(q, 1, h[:, None])": "",
    "q[q[:, 0] > 0]": "",
    "q[:, 0] * 2.0": "",
    "torch.diff(q)": "",
    "m + m.T": "",
    "m[1:, 1:] - m[:-1, :-1]": "",
    "m[:, ::2] * 2.0": "",
    "x[::2] + 1.0": "",
    "torch.{}(m)": "t fliplr flipud rot90 diagonal triu tril trace flatten ravel diag",
    "torch.topk(x, min(5, n))": "",
    "torch.kthvalue(x, n // 2)": "",
    "torch.quantile(x[:100000], 0.3)": "",
    "torch.histc(x, 20)": "",
    "torch.bincount(i)": "",
    "torch.searchsorted(u.sort()[0], u)": "",
    "torch.bucketize(x, torch.linspace(-2, 2, 9))": "",
    "torch.diff(x)": "",
    "torch.cov(m)": "",
    "torch.roll(x, 3)": "",
    "torch.tile(x, (2,))": "",
    "x.repeat(2)": "",
    "x.repeat_interleave(2)": "",
    "x.view(-1)": "",
    "x.reshape(-1, 1)": "",
    "x.unsqueeze(0)": "",
    "m.transpose(0, 1)": "",
    "m.permute(1, 0).contiguous()": "",
    "m.T.reshape(-1)": "",
    "q.T.contiguous()": "",
    "q.T.contiguous().T.reshape(-1)": "",
    "s.transpose(1, 2).reshape(-1)": "",
    "torch.nn.functional.pixel_shuffle(s.permute(1, 2, 0), 2)": "",
    "s.permute(2, 0, 1).sum(2)": "",
    "m.T.to(torch.float64)": "",
    "torch.nn.functional.pad(m, (1, 1, 1, 1))": "",
    "torch.nn.functional.pad(m[None], (1, 1), mode='reflect')": "",
    "m.expand(3, *m.shape)": "",
    "m.split(2)[0]": "",
    "m.chunk(2)[0]": "",
    "torch.cat([x, y])": "",
    "torch.stack([x, y])": "",
    "torch.hstack([x, y])": "",
    "torch.vstack([x, y])": "",
    "torch.meshgrid(x[:1000], y[:1000], indexing='ij')[0]": "",
    "x[2]": "",
    "x[1:]": "",
    "m[:, 0]": "",
    "x[k]": "",
    "x[b]": "",
    "m[:, None]": "",
    "torch.gather(x, 0, k)": "",
    "torch.scatter(x, 0, k, y)": "",
    "torch.scatter_add(x, 0, k, y)": "",
    "torch.index_select(x, 0, k)": "",
    "torch.index_add(x, 0, k, y)": "",
    "torch.masked_fill(x, b, 0.0)": "",
    "torch.masked_select(x, b)": "",
    "torch.take(x, k)": "",
    "torch.take_along_dim(x, k, 0)": "",
    "torch.index_put(x, (k,), y)": "",
    "m @ m.T": "",
    "torch.mv(m, m[0])": "",
    "torch.dot(x, y)": "",
    "torch.bmm(s, s)": "",
    "torch.outer(x[:1000], y[:1000])": "",
    "torch.einsum('ij,kj->ik', m, m)": "",
    "torch.tensordot(m, m, ([1], [1]))": "",
    "torch.kron(m[:9, :9], m[:9, :9])": "",
    "torch.addmm(m @ m.T, m, m.T)": "",
    "torch.linalg.{}(s)": "det inv slogdet svdvals cholesky qr eigh eigvalsh solve_ matrix_norm cond pinv",
    "torch.linalg.solve(s, s)": "",
    "torch.linalg.vector_norm(x)": "",
    "torch.fft.{}(x)": "fft rfft ifft",
    "torch.fft.fft2(m)": "",
    "x.to(torch.float64)": "",
    "x.long()": "",
    "x.detach()": "",
    "x.clone()": "",
    "x.add_(1)": "",
    "x.mul_(1.0)": "",
    "x.zero_()": "",
    "x.fill_(2.0)": "",
    "x.copy_(y)": "",
    "x.clamp_(-1, 1)": "",
    "torch.tensor([1.0, 2.0, 3.0])": "",
    "torch.{}(n)": "zeros ones empty rand randn arange eye_ randperm",
    "torch.full((n,), 2.0)": "",
    "torch.linspace(0, 1, n)": "",
    "torch.randint(0, 9, (n,))": "",
    "torch.bernoulli(u)": "",
    "torch.multinomial(u[:1000], 5)": "",
    "x.tolist() if n < 2000 else x": "",
    "x.sum().item()": "",
    "x.numpy(force=True)": "",
}
DRAWN = r"rand|empty|bernoulli|multinomial"  # the values of these do not matter


def expressions() -> list[str]:
    """Every expression."""
    found = []
    for text, names in OPS.items():
        found += [text.replace("{}", name) for name in names.split() if name[-1] != "_"] if names else [text]
    return found


def variables(torch: Any, n: int, columns: int, grad: bool) -> dict[str, Any]:
    """What the expressions are over: x y normal, u in (0, 1), p positive, i j integers, b c bools, k indices,
    m a matrix, q one of few columns, h its rows' classes, w weights of 16 outputs for it, s symmetric
    positive matrices (of 4 x 4)."""
    torch.manual_seed(0)
    side = max(2, round(math.sqrt(n)))
    x, y, m = torch.randn(n), torch.randn(n), torch.randn(side, side)
    q = torch.randn(max(1, n // columns), columns)
    u = torch.rand(n) * 0.9 + 0.05
    a = torch.randn(max(1, n // 16), 4, 4)
    s = a @ a.transpose(1, 2) + torch.eye(4)
    if grad:
        for t in (x, y, u, m, q, s):
            t.requires_grad_()
            t.grad = torch.zeros_like(t)  # else torch's may be a view of the seed, which it then overwrites
    i, j = torch.randint(1, 99, (n,)), torch.randint(1, 9, (n,))
    b = torch.rand(n) < 0.5
    return {
        "torch": torch,
        "n": n,
        "x": x,
        "y": y,
        "u": u,
        "p": u.detach() + 0.1,
        "m": m,
        "q": q,
        "h": torch.arange(len(q)) % columns,
        "w": torch.randn(16, columns),
        "s": s,
        "i": i,
        "j": j,
        "b": b,
        "c": ~b,
        "k": torch.randperm(n),
    }


def make(lib: Any, case: str) -> tuple[Callable[[int], None], Callable[[], list[float]]]:
    """The case "EXPRESSION @ N", "EXPRESSION @ N +b", or either with "/ COLUMNS" behind N."""
    text, _, at = case.rpartition(" @ ")
    n, _, columns = at.removesuffix(" +b").partition(" / ")
    backward = at.endswith("+b")
    names = variables(lib.torch, int(n), int(columns or 5), backward)
    once = eval(f"lambda: {text}", names)

    def all_of_it() -> Any:
        y = once()
        y = y if hasattr(y, "backward") else next(t for t in y if t.requires_grad)
        y.backward(seed)
        return y

    if backward:
        first = once()
        first = first if hasattr(first, "backward") else next(t for t in first if t.requires_grad)
        seed = lib.torch.ones_like(first.detach())
    f = all_of_it if backward else once

    def run(times: int) -> None:
        for _ in range(times):
            f()

    return run, lambda: [] if re.search(DRAWN, text) else _numbers(f())


def _numbers(y: Any) -> list[float]:
    """What both libraries must agree on: the sums of the absolute values."""
    found = [t.detach() for t in (y if isinstance(y, (tuple, list)) else [y]) if hasattr(t, "backward")]
    wide = [(t.abs() if t.is_floating_point() or "complex" in str(t.dtype) else t).double() for t in found]
    return [float(t.sum()) for t in wide]


def cases(sizes: list[str], only: str) -> Iterator[str]:
    """The names of all cases; sizes may have columns behind them."""
    for n in sizes:
        for text in expressions():
            if re.search(only, text) and (" / " not in n or re.search(r"\b[qh]\b", text)):
                yield f"{text} @ {n}"
                if re.search(r"\b[xyumqs]\b", text) and "_(" not in text and not re.search(DRAWN, text):
                    yield f"{text} @ {n} +b"


def measure(
    peers: list[Peer], case: str, rounds: int, seconds: float, processor: bool
) -> dict[str, Any] | None:
    """Time a case in alternating rounds; None if it has no gradient, or is not in one of the libraries."""
    answers = [p.ask(do="prepare", case=case, seconds=seconds, processor=processor) for p in peers]
    if any("error" in a for a in answers):
        errors = {p.name: a.get("error", "") for p, a in zip(peers, answers, strict=True)}
        return None if errors["torch"] else {"case": case, "ratio": None, "error": errors["tapegrad"]}
    if not close(answers[0]["numbers"], answers[1]["numbers"]):
        both = [a["numbers"] for a in answers]
        return {"case": case, "ratio": None, "error": f"the numbers differ: {both!s:.200}"}
    times: dict[str, list[float]] = {p.name: [] for p in peers}
    for i in range(rounds):
        for p in peers if i % 2 == 0 else reversed(peers):
            times[p.name].append(p.ask(do="time")["seconds"])
    ratios = [t / o for o, t in zip(times["tapegrad"], times["torch"], strict=True)]
    ours, theirs = median(times["tapegrad"]), median(times["torch"])
    return {"case": case, "ratio": median(ratios), "ours": ours, "theirs": theirs}


def summary(rows: list[dict[str, Any]], sizes: list[str]) -> str:
    """The geometric mean of the ratios per size, and what is slow."""
    lines = []
    for n in sizes:
        for mark, end in (("forward", f" @ {n}"), ("backward", f" @ {n} +b")):
            ratios = {r["case"]: r["ratio"] for r in rows if r["ratio"] and r["case"].endswith(end)}
            if ratios:
                mean = math.exp(sum(map(math.log, ratios.values())) / len(ratios))
                slow = sorted(ratios.items(), key=lambda item: item[1])
                named = ", ".join(f"{c.partition(' @ ')[0]} {r:.2f}" for c, r in slow if r < 0.7)
                lines.append(f"{n:>12} {mark:<9} {len(ratios)} ops, geometric mean {mean:.2f}")
                lines.append(f"             under 0.7: {sum(r < 0.7 for r in ratios.values())}: {named}")
    failed = [f"{r['case']}: {r['error']}" for r in rows if r["ratio"] is None]
    return "\n".join([*lines, *failed, ""])


def main(arguments: list[str]) -> int:
    """Time the operations, print a table and a summary."""
    p = argparse.ArgumentParser(prog="python -m benchmarks.ops", description="Operations beside PyTorch's.")
    p.add_argument("--sizes", type=int, nargs="+", default=[10, 1000, 1_000_000], help="elements")
    p.add_argument("--columns", type=int, nargs="+", help="of q, instead of 5: what is over it alone")
    p.add_argument("--only", default="", help="a regular expression found in the operation")
    p.add_argument("--rounds", type=int, default=5, help="alternating rounds (5)")
    p.add_argument("--seconds", type=float, default=0.01, help="length of a round (0.01)")
    p.add_argument(
        "--processor",
        action="store_true",
        help="measure the processor's time, not the clock's: fair beside other programs, wrong with threads",
    )
    p.add_argument("--json", type=Path, metavar="FILE", help="save the results")
    given = p.parse_args(arguments)
    sizes = [f"{n} / {c}" if c else f"{n}" for c in given.columns or [0] for n in given.sizes]
    peers = [Peer(n) for n in ("tapegrad", "torch")]
    rows = []
    try:
        for case in cases(sizes, given.only):
            row = measure(peers, case, given.rounds, given.seconds, given.processor)
            if row is not None:
                rows.append(row)
                times = f"{row['ours'] * 1e6:10.2f} us {row['theirs'] * 1e6:10.2f} us" if row["ratio"] else ""
                sys.stdout.write(f"{case:<58} {times} {row['ratio'] or 0:6.2f}\n")
                sys.stdout.flush()
    finally:
        for peer in peers:
            peer.close()
    sys.stdout.write("\n" + summary(rows, sizes))
    if given.json:
        atomic_write(given.json, json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What random programs have found, in small: on tapegrad and on torch, the same values or error classes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tapegrad
from tests.ops.comparing import array

torch = pytest.importorskip("torch")

NAN, INF = float("nan"), float("inf")
Case = Callable[[Any, Any], Any]  # of the library and its torch.nn.functional


def _norms() -> Iterator[tuple[str, Case]]:
    for shape in ((), (0,), (5,), (2, 0), (2, 3), (2, 3, 4), (0, 3, 4), (2, 3, 0)):
        for own in (True, False):
            for n in (None, 0, 3):
                yield (
                    f"batch_norm {shape} {own} {n}",
                    lambda lib, f, s=shape, own=own, n=n: f.batch_norm(
                        lib.ones(s), *[None if n is None else lib.ones(n)] * 2, training=own
                    ),
                )
                yield (
                    f"instance_norm {shape} {own} {n}",
                    lambda lib, f, s=shape, own=own, n=n: f.instance_norm(
                        lib.ones(s), *[None if n is None else lib.ones(n)] * 2, use_input_stats=own
                    ),
                )


def _points(lib: Any) -> Any:
    return lib.tensor(
        [[1.0, 1.0, NAN], [3.0, -1.0, 4.0], [0.0, 1.0, INF], [0.0, 2.0, 2.0]], requires_grad=True
    )


def _curvature(lib: Any, function: Callable[[Any], Any]) -> Any:
    x = lib.tensor([-1.5, -0.0, 0.0, 1.0], requires_grad=True)
    (g,) = lib.autograd.grad(function(x).sum(), x, create_graph=True)
    return g, lib.autograd.grad((g * g).sum(), x)[0]


def _slopes(lib: Any, distance: Callable[[Any], Any]) -> Any:
    x = _points(lib)
    return lib.autograd.grad(distance(x).sum(), x)[0]


def _twice(lib: Any, f: Callable[[Any], Any]) -> Any:
    x = lib.arange(5.0).requires_grad_()
    y = f(x * 1.5)
    y = y[0] if isinstance(y, (tuple, list)) else y
    part = y.sum()
    lib.autograd.grad(part, x, retain_graph=False, allow_unused=True)
    return lib.autograd.grad(part, x)


def _written_behind(lib: Any, f: Callable[[Any], Any]) -> Any:
    x = lib.arange(4.0)
    y = f(x)
    x.add_(1)
    return y


def _put(x: Any, at: Any, value: Any) -> Any:
    x[at] = value
    return x


def _moments_want_grad(lib: Any, f: Any) -> Any:
    return f.batch_norm(lib.ones(2, 3), lib.ones(3, requires_grad=True), lib.ones(3))


def _slope(lib: Any, f: Callable[[Any], Any], x: Any, g: float) -> Any:
    """The gradient of f at x for a cotangent that is no number."""
    x = lib.tensor(x, requires_grad=True)
    y = f(x)
    return lib.autograd.grad(y, x, lib.tensor(g).expand(y.shape))[0]


def _unfolded(lib: Any, f: Any) -> Any:
    """A write to windows of one element is none to what they were cut from."""
    x = lib.ones(1, 1, 2, 2)
    f.unfold(x, 1).add_(1)
    return x


def _unfolded_nothing(lib: Any, f: Any) -> Any:
    """Neither is one to no windows: what was saved is not stale."""
    x = lib.ones(3, requires_grad=True)
    y = x * 2
    loss = (y * y).sum()
    f.unfold(y[:0].reshape(0, 3, 4, 5), 2).add_(1)
    return lib.autograd.grad(loss, x)[0]


def _weighted(lib: Any, f: Any) -> Any:
    """Of a weighted loss only the difference is saved."""
    x, y = lib.ones(2, requires_grad=True), lib.zeros(2)
    loss = f.mse_loss(x, y, weight=lib.tensor([1.0, 3.0]))
    y.add_(7)
    return lib.autograd.grad(loss, x)[0]


def _overlapping(lib: Any, f: Any) -> Any:
    """Elements that meet in memory share their gradient."""
    x = lib.ones(2, 3, requires_grad=True).unfold(-1, 2, 1)
    y = x.as_strided((2, 2), (1, 1)) * lib.tensor([[1.0, 2.0], [3.0, 4.0]])
    return lib.autograd.grad(y.sum(), x)[0]


def _pattern_twice(lib: Any, f: Any) -> Any:
    """A gradient does not lie in memory as what it is of, nor does its gradient."""
    x = lib.arange(6.0).reshape(2, 3).requires_grad_()
    y = (x * x).t()
    z = y.as_strided((2, 2), (1, 1), 1)
    g = lib.autograd.grad((z * z).sum(), y, create_graph=True)[0]
    return lib.autograd.grad((g * lib.arange(6.0).reshape(3, 2)).sum(), x, create_graph=True)[0].detach()


def _written_pattern(lib: Any, f: Any) -> Any:
    x = lib.arange(4.0).requires_grad_()
    y = x * x
    z = y.as_strided((2, 2), (2, 1))
    z.mul_(z.clone())
    g = lib.autograd.grad(y.sum(), x, create_graph=True)[0]
    return g, lib.autograd.grad(g.sum(), x)[0]


def _margins(lib: Any, f: Any) -> Any:
    x = lib.tensor([[NAN, 2.0, 3.0], [1.0, NAN, 2.0], [1.0, 2.0, 3.0]])
    return f.multi_margin_loss(x, lib.tensor([0, 2, 1]), weight=lib.tensor([NAN, 1.0, 2.0]))


def _bytes(lib: Any, f: Any) -> Any:
    """Pairs of numbers of 4 bytes seen as one of 8, in rows that end in half of one."""
    x = lib.zeros(4, 5)
    x.reshape(-1)[:4].reshape(2, 2).view(lib.float64).data.fill_(1)
    return x


def _pool(name: str, n: int, *size: Any) -> Case:
    def case(lib: Any, f: Any) -> Any:
        numbers = np.array([INF, NAN, -1.0, 1.0, NAN, 2.0, NAN, 3.0] * 8, "f4")[: 4**n]
        x = lib.tensor(numbers.reshape(1, 1, *(4,) * n), requires_grad=True)
        samples = {"_random_samples": lib.full((1, 1, n), 0.3)} if name.startswith("frac") else {}
        y, at = getattr(f, f"{name}{n}d")(x, *size, return_indices=True, **samples)
        return y, at, lib.autograd.grad(y.sum(), x)[0]

    return case


def _missing(which: int, own: bool) -> Case:
    def case(lib: Any, f: Any) -> Any:
        moments = [None if k == which else lib.zeros(3) for k in range(2)]
        return f.batch_norm(lib.ones(2, 3), *moments, training=own)

    return case


CASES: dict[str, Case] = {
    "cross_entropy of no probabilities": lambda t, F: [
        F.cross_entropy(t.zeros(shape), t.zeros(shape)) for shape in ((0, 3), (2, 3, 0), (0, 3, 2), (2, 0))
    ],
    **dict(_norms()),
    **{
        f"{name}{n}d of nan": _pool(name, n, *size)
        for name, *size in (("max_pool", 2, 1), ("adaptive_max_pool", 3), ("fractional_max_pool", 2, 2))
        for n in (2, 3)
    },
    "windows of one element": _unfolded,
    "windows of nothing": _unfolded_nothing,
    "a weighted loss whose target is written": _weighted,
    "a pattern of windows that overlap": _overlapping,
    "the gradient of a pattern's gradient": _pattern_twice,
    "the gradient of a written pattern": _written_pattern,
    "margins of nan": _margins,
    **{
        f"a {name} of {n} less {c} over {dim}": lambda lib, f, name=name, n=n, c=c, dim=dim: _slope(
            lib, lambda x: getattr(lib, name)(x, dim, correction=c), [1.5, -0.5, 2.0][:n], 1.0
        )
        for name in ("var", "std")
        for n in (1, 2)
        for c in (1, 2, 3)
        for dim in (None, 0)
    },
    "data of bytes seen anew": _bytes,
    **{f"a missing moment {k} {own}": _missing(k, own) for k in range(2) for own in (True, False)},
    "weights of channels in a matrix": lambda lib, f: f.batch_norm(
        lib.arange(6.0).reshape(2, 3), None, None, lib.arange(3.0)[None], lib.ones(3, 1), True
    ),
    "a mean of another dtype": lambda lib, f: f.instance_norm(
        lib.ones(2, 3, 4), lib.ones(3).double(), lib.ones(3), use_input_stats=False
    ),
    "a variance of another dtype": lambda lib, f: f.instance_norm(
        lib.ones(2, 3, 4), lib.ones(3), lib.ones(3).double(), use_input_stats=False
    ),
    "logit of nan with a limit": lambda lib, f: _slope(lib, lambda x: x.logit(0.1), [NAN, 0.5, 2.0], 1.0),
    **{
        f"{name} for {g}": lambda lib, f, call=call, g=g: _slope(
            lib, lambda x: call(lib, f, x), [[0.0, 0.0, 1.0], [0.5, -1.0, 1.0]], g
        )
        for name, call in (
            ("trace", lambda lib, f, x: x.trace()),
            ("padding", lambda lib, f, x: f.embedding(lib.tensor([0, 1, 1]), x, padding_idx=0)),
            *[
                (f"cdist {p}", lambda lib, f, x, p=p: lib.cdist(x, lib.tensor([[0.0, 0.0, 1.0]]), p))
                for p in (0.5, 1.5, 2.0, 3.0)
            ],
        )
        for g in (NAN, INF)
    },
    "binary cross entropy by a target": lambda lib, f: _slope(
        lib,
        lambda x: f.binary_cross_entropy(lib.tensor([0.0, 0.5, 1.0]), x, reduction="none"),
        [1.0] * 3,
        1.0,
    ),
    **{
        f"grid_sample of {a} at {b}": lambda lib, f, a=a, b=b: f.grid_sample(
            lib.ones(1, 1, 2, 2, dtype=getattr(lib, a)), lib.ones(1, 2, 2, 2, dtype=getattr(lib, b))
        )
        for a in ("int64", "float32")
        for b in ("int64", "float64")
    },
    "bilinear with a bias of two dtypes": lambda lib, f: f.bilinear(
        lib.ones(3), lib.ones(4), lib.ones(5, 3, 4), lib.ones(5).double()
    ),
    "bilinear of numbers and nothing": lambda lib, f: f.bilinear(
        lib.ones(()), lib.ones(()), lib.ones(2, 0, 0)
    ),
    **{
        f"{name} of half {x} {t}": lambda lib, f, name=name, x=x, t=t: getattr(f, name)(
            lib.ones(x).half(), lib.zeros(t).long()
        )
        for name in ("multi_margin_loss", "multilabel_margin_loss")
        for x in ((3, 4), (4,), ())
        for t in ((), (3,), (3, 4))
    },
    **{
        f"{name} of {kind} {x} along {dim}": lambda lib, f, name=name, kind=kind, x=x, dim=dim: getattr(
            lib.fft, name
        )(lib.ones(x, dtype=getattr(lib, kind)), dim=dim)
        for name in ("fft", "rfft", "irfft", "fftn", "rfftn", "ihfft")
        for kind in ("float16", "complex64")
        for x in ((), (3,))
        for dim in (0, 1)
    },
    "rot90 beyond the dimensions": lambda lib, f: lib.rot90(lib.ones(2, 3), 1, (2, 0)),
    "rot90 in one dimension": lambda lib, f: lib.rot90(lib.ones(2, 3), 1, (0, -2)),
    "diag_embed of a number": lambda lib, f: lib.diag_embed(lib.ones(()), 0, 0, -1),
    "embedding of a column of int32": lambda lib, f: f.embedding(
        lib.tensor([[0], [2]], dtype=lib.int32), lib.ones(3, 2)
    ),
    "weights of a bag of two dtypes": lambda lib, f: f.embedding_bag(
        lib.tensor([[0, 2]]), lib.ones(3, 2), mode="sum", per_sample_weights=lib.ones(1, 2).double()
    ),
    **{
        f"isin {a} {b}": lambda lib, f, a=a, b=b: lib.isin(
            lib.full(a[1:], 0.3, dtype=getattr(lib, a[0])), lib.full(b[1:], 0.3, dtype=getattr(lib, b[0]))
        )
        for a, b in (
            (("float64",), ("float32", 1)),
            (("float32", 1), ("float64",)),
            (("float32", 1), ("float64", 1)),
        )
    },
    "moments that require grad": _moments_want_grad,
    "moments of another dtype": lambda lib, f: f.batch_norm(
        lib.ones(2, 3), lib.ones(3).double(), lib.ones(3)
    ),
    "rms_norm of two dtypes": lambda lib, f: f.rms_norm(lib.ones(2, 3).double(), (3,), lib.ones(3)),
    "rms_norm of a number": lambda lib, f: f.rms_norm(lib.ones(()), (4,)),
    "huber_loss of two dtypes": lambda lib, f: f.huber_loss(lib.ones(2), lib.zeros(2).double()),
    "huber_loss of integers": lambda lib, f: f.huber_loss(lib.ones(2).long(), lib.zeros(2)),
    "padding before shapes": lambda lib, f: f.embedding(lib.tensor([0]), lib.zeros(0), padding_idx=1),
    "rows of no width": lambda lib, f: f.embedding(lib.tensor([7]), lib.zeros(5, 0)),
    "a table without rows": lambda lib, f: f.embedding(lib.tensor([0]), lib.zeros(0, 5)),
    "a table that is a number": lambda lib, f: f.embedding(lib.tensor([0]), lib.ones((), requires_grad=True)),
    "nan in a bag": lambda lib, f: f.embedding_bag(
        lib.tensor([0, 1, 2, 1]),
        lib.tensor([[NAN, 1.0], [2.0, NAN], [3.0, 4.0]]),
        lib.tensor([0, 3]),
        mode="max",
    ),
    "a target beyond 1": lambda lib, f: f.binary_cross_entropy(lib.ones(2) / 2, lib.ones(2) * 2),
    "an infinite target": lambda lib, f: f.binary_cross_entropy_with_logits(*[lib.tensor([INF])] * 2),
    "an infinite mean": lambda lib, f: f.gaussian_nll_loss(lib.tensor([INF, 1.0]), lib.ones(2), 2.0),
    "margins that broadcast": lambda lib, f: f.multilabel_soft_margin_loss(lib.ones(5), lib.ones(4, 5)),
    "margins of two dtypes": lambda lib, f: f.soft_margin_loss(lib.ones(3), lib.ones(3).double()),
    "a number to be unpooled": lambda lib, f: f.max_unpool2d(lib.ones(()), lib.tensor([0]), 2),
    "moments that are numbers": lambda lib, f: f.instance_norm(
        lib.ones(3, 1), lib.ones(()), lib.ones(()), use_input_stats=False
    ),
    "a triplet of numbers": lambda lib, f: f.triplet_margin_with_distance_loss(
        lib.ones(2, 3), lib.ones(3), lib.ones(2, 3)
    ),
    "gradient of a number": lambda lib, f: lib.gradient(lib.ones(()), dim=0),
    "histogramdd of a number": lambda lib, f: lib.histogramdd(lib.ones(()), 4),
    "segments of a number": lambda lib, f: lib.segment_reduce(
        lib.ones(()), "sum", lengths=lib.tensor([1]), axis=-2
    ),
    "an index beyond nothing": lambda lib, f: lib.index_select(lib.ones(2, 0), 0, lib.tensor([7])),
    "sizes before dimensions": lambda lib, f: lib.tensordot(lib.ones(2, 3), lib.ones(5), ([0, 1], [0, 1])),
    "nothing that is shuffled": lambda lib, f: lib.pixel_unshuffle(lib.ones(2, 0, 2), 2),
    "nothing that is repeated": lambda lib, f: lib.repeat_interleave(lib.ones(0).long(), output_size=4),
    "two sweeps of gradient": lambda lib, f: _twice(
        lib, lambda x: lib.gradient(x, spacing=0.5, edge_order=2)
    ),
    "no differences are a copy": lambda lib, f: _written_behind(lib, lambda x: lib.diff(x, n=0)),
    "two sweeps of a sum": lambda lib, f: _twice(lib, lambda x: lib.cumulative_trapezoid(x, dx=2.0)),
    **{f"pdist {p}": lambda lib, f, p=p: _slopes(lib, lambda x: f.pdist(x, p)) for p in (1.0, 2.0, INF)},
    "an index of nothing before dtypes": lambda lib, f: _put(
        lib.zeros(0), lib.tensor([0]), lib.zeros(1).double()
    ),
    "an index of nothing in a mask of nothing": lambda lib, f: _put(
        lib.zeros(0, 3), (False, lib.tensor([0])), 7.0
    ),
    **{
        f"{name} at {at} of {shape} along {dim}": lambda lib, f, name=name, at=at, shape=shape, dim=dim: (
            lib.index_fill(lib.zeros(shape), dim, lib.tensor([at]), 1.0)
            if name == "index_fill"
            else getattr(lib, name)(
                lib.zeros(shape),
                dim,
                lib.tensor([at]),
                lib.zeros([1 if i == dim else n for i, n in enumerate(shape)]),
            )
        )
        for name in ("index_add", "index_copy", "index_fill")
        for at in (7, 0)
        for shape, dim in (((2, 0, 3), 0), ((2, 0, 3), 1), ((0, 3), 0), ((0,), 0), ((2, 3), 0))
    },
    "a source that does not fit before an index": lambda lib, f: _put(
        lib.zeros(4, 5), lib.tensor([0, 7]), lib.zeros(3)
    ),
    "an unpooled size below nothing": lambda lib, f: f.max_unpool2d(
        lib.zeros(2, 0, 3), lib.zeros(2, 0, 3).long(), 3, 2, 1
    ),
    "a number for ctc_loss": lambda lib, f: f.ctc_loss(
        lib.ones(()), lib.tensor([[1]]), lib.tensor(6), lib.tensor(2)
    ),
    "lengths in rows": lambda lib, f: f.ctc_loss(
        lib.zeros(6, 2, 5), lib.tensor([[1, 1], [2, 2]]), lib.tensor([[6], [6]]), lib.tensor([2, 2])
    ),
    "lengths that are floats": lambda lib, f: f.ctc_loss(
        lib.zeros(6, 1, 5), lib.tensor([[1, 1]]), lib.tensor([6.0]), lib.tensor([2])
    ),
    "a grid that is a number": lambda lib, f: f.grid_sample(lib.ones(1, 1, 2, 2), lib.ones(())),
    **{
        f"a grid with nan {n}-d {border} {mode}": lambda lib, f, n=n, border=border, mode=mode: f.grid_sample(
            lib.arange(2.0**n).reshape(1, 1, *(2,) * n),
            lib.tensor([NAN, 0.5, 0.5, NAN, INF, 0.0, -INF, NAN, 0.5, NAN, NAN, NAN]).reshape(
                *(1,) * n, -1, n
            ),
            mode,
            border,
            True,
        )
        for n in (2, 3)
        for border in ("zeros", "border", "reflection")
        for mode in ("bilinear", "nearest")
    },
    "samples are no view": lambda lib, f: f.grid_sample(lib.ones(1, 1, 2, 2), lib.ones(1, 2, 2, 2)).detach_(),
    "margins are no view": lambda lib, f: f.multilabel_margin_loss(
        lib.ones(4), lib.tensor([2, 0, -1, -1]), reduction="none"
    ).detach_(),
    "one target that is a number": lambda lib, f: f.multi_margin_loss(lib.arange(5.0)[None], lib.tensor(2)),
    **{
        f"bilinear {shapes}": lambda lib, f, shapes=shapes: f.bilinear(*map(lib.ones, shapes))
        for shapes in (
            ((), (), ()),
            ((3,), (), ()),
            ((3,), (4,), (5, 3)),
            ((3,), (4,), (5, 2)),
            ((3,), (4,), (5, 3, 4), ()),
            ((3,), (4,), (5, 3, 4), (2,)),
        )
    },
    "bilinear of two dtypes": lambda lib, f: f.bilinear(lib.ones(3), lib.ones(4), lib.ones(5).double()),
    "a sum to fewer dimensions": lambda lib, f: _written_behind(
        lib, lambda x: x.reshape(1, 4).sum_to_size(4)
    ),
    "moments of nothing": lambda lib, f: f.batch_norm(lib.ones(2, 0, 3), *[lib.ones(2, 0, 3)] * 4),
    **{
        f"logits {a} {b}": lambda lib, f, a=a, b=b: f.binary_cross_entropy_with_logits(
            lib.ones(2, dtype=getattr(lib, a)), lib.ones(2, dtype=getattr(lib, b))
        )
        for a in ("float64", "int64")
        for b in ("float32", "int64")
    },
    "weights of points in columns": lambda lib, f: (
        lib.histogramdd(lib.ones(1, 2), 3, weight=lib.ones(1, 1)).hist
    ),
    "numbers of times for a number": lambda lib, f: lib.repeat_interleave(
        lib.ones(()), lib.tensor([2]), dim=0
    ),
    **{
        f"adaptive {name} {shape} {n}": lambda lib, f, name=name, shape=shape, n=n: getattr(f, name)(
            lib.ones(shape), n
        )
        for name in ("adaptive_avg_pool1d", "adaptive_max_pool1d", "adaptive_avg_pool2d")
        for shape in ((), (2,), (2, 2), (0, 2), (2, 0), (2, 0, 2), (2, 0, 2, 2))
        for n in (1, 2)
    },
    **{
        f"two sweeps of {name}": lambda lib, f, call=call: _twice(lib, lambda x: call(f, x.reshape(1, 1, 5)))
        for name, call in (
            ("a mean", lambda f, x: f.avg_pool1d(x, 2)),
            ("adaptive means", lambda f, x: f.adaptive_avg_pool1d(x, 2)),
            ("one adaptive mean", lambda f, x: f.adaptive_avg_pool1d(x, 1)),
            ("a mirror", lambda f, x: f.pad(x, (1, 1), "reflect")),
            ("borders", lambda f, x: f.pad(x, (1, 1), "replicate")),
        )
    },
    "powers of a number": lambda lib, f: lib.linalg.vander(lib.ones(()) * 3, N=4),
    "an infinite variance": lambda lib, f: f.gaussian_nll_loss(
        lib.zeros(2), lib.zeros(2), lib.tensor([INF, 1.0]), reduction="none"
    ),
    "a target that is a number": lambda lib, f: f.ctc_loss(
        lib.zeros(6, 5), lib.tensor(3), lib.tensor(6), lib.tensor(1)
    ),
    "a margin of a number": lambda lib, f: f.soft_margin_loss(lib.ones(()), lib.ones(4)),
    "a mirror of no channels": lambda lib, f: f.pad(lib.ones(2, 0, 3), (1, 1), "reflect"),
    "as many means as elements": lambda lib, f: _written_behind(
        lib, lambda x: f.adaptive_avg_pool1d(x.reshape(1, 1, 4), 4)
    ),
    "a border of nothing": lambda lib, f: _written_behind(
        lib, lambda x: f.pad(x.reshape(1, 1, 4), (0, 0), "reflect")
    ),
    "a sum of a number to its size": lambda lib, f: _written_behind(
        lib, lambda x: x[1].detach().clone().sum_to_size(())
    ),
    "too few coordinates": lambda lib, f: lib.gradient(lib.ones(3), spacing=(lib.ones(1),)),
    **{
        f"{n} coordinates of {m} points, {order}": lambda lib, f, n=n, m=m, order=order: lib.gradient(
            lib.ones(m), spacing=(lib.arange(float(n)),), edge_order=order
        )
        for order in (1, 2)
        for m in (2, 3, 4, 5)
        for n in range(5)
    },
    **{
        f"a bias {shape} of products": lambda lib, f, shape=shape: f.bilinear(
            lib.ones(2, 3, 4), lib.ones(2, 3, 5), lib.ones(2, 4, 5), lib.ones(shape)
        )
        for shape in ((), (1,), (2,), (3,), (2, 1), (2, 2), (2, 3, 2), (2, 1, 2), (2, 2, 3, 2), (1, 2))
    },
    "weights larger than logits": lambda lib, f: f.binary_cross_entropy_with_logits(
        lib.ones(()), lib.ones(()), pos_weight=lib.ones(3)
    ),
    "nan among logarithms of sums": lambda lib, f: _slopes(lib, lambda x: lib.logcumsumexp(x[:3], 1)),
    **{
        f"second derivative of {name} at 0": lambda lib, f, name=name: _curvature(lib, getattr(f, name))
        for name in ("elu", "celu", "selu")
    },
    "cumprod of one that is nan": lambda lib, f: _slopes(
        lib, lambda x: x[:, 2:].cumprod(1) + x[:1].cumprod(0)
    ),
    "renorm of what cancels": lambda lib, f: _slopes(
        lib, lambda x: 2.0**59 * (x[::2, :2] * lib.tensor([2.0**33, 1.86])).renorm(2, 0, 100)
    ),
    "renorm of what is large": lambda lib, f: _slopes(
        lib, lambda x: 2.0**59 * (x[::2, :2] * lib.tensor([2.0**66, 1.0])).renorm(2, 0, 100)
    ),
    "cdist inf": lambda lib, f: _slopes(lib, lambda x: lib.cdist(x[:2, :2], x[1:, :2], INF)),
}


def _outcome(lib: Any, case: Case) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = case(lib, lib.nn.functional)
        except Exception as error:  # noqa: BLE001 # any class is compared
            return type(error).__name__
    return found


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    ours, theirs = (_outcome(lib, CASES[name]) for lib in (tapegrad, torch))
    if isinstance(theirs, str):
        assert ours == theirs
        return
    for a, b in zip(*[x if isinstance(x, (tuple, list)) else [x] for x in (ours, theirs)], strict=True):
        x, y = array(a), array(b)
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6, equal_nan=True)

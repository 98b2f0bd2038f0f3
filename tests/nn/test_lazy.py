"""Lazy modules against torch: before, at and after the first input."""

from __future__ import annotations

import copy
import gc
import weakref
from typing import Any

import pytest

import tapegrad
from tests.ops.comparing import array, attempt, attempt_quietly, differing, same_class

torch = pytest.importorskip("torch")

_IMAGE = (2, 4, 6, 5)
CASES: tuple[tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]], ...] = (
    ("LazyLinear", (3,), {}, (2, 5)),
    ("LazyLinear", (3,), {"bias": False}, (2, 4, 5)),
    ("LazyConv1d", (6, 3), {"padding": "same"}, (2, 4, 6)),
    ("LazyConv2d", (6, 3), {}, _IMAGE),
    ("LazyConv2d", (6, 3), {"stride": 2, "padding": 1, "groups": 2, "bias": False}, _IMAGE),
    ("LazyConv2d", (6, (3, 2)), {"padding_mode": "circular", "padding": 1}, (4, 6, 5)),
    ("LazyConv3d", (2, 2), {}, (1, 2, 3, 4, 3)),
    ("LazyConvTranspose1d", (6, 3), {}, (2, 4, 6)),
    ("LazyConvTranspose2d", (6, 3), {"stride": 2, "output_padding": 1, "groups": 2}, _IMAGE),
    ("LazyConvTranspose3d", (2, 2), {"bias": False}, (1, 2, 3, 4, 3)),
    ("LazyBatchNorm1d", (), {}, (3, 4)),
    ("LazyBatchNorm2d", (), {"affine": False, "momentum": 0.3}, _IMAGE),
    ("LazyBatchNorm2d", (), {"track_running_stats": False, "bias": False}, _IMAGE),
    ("LazyBatchNorm3d", (0.1,), {}, (2, 2, 3, 4, 3)),
    ("LazyInstanceNorm1d", (), {}, (2, 4, 6)),
    ("LazyInstanceNorm2d", (), {"track_running_stats": False}, _IMAGE),
    ("LazyInstanceNorm3d", (), {}, (2, 2, 3, 4, 3)),
)


def run(lib: Any, case: Any) -> tuple[list[Any], list[Any]]:
    """(what can be compared as it is, arrays)."""
    name, args, kwargs, shape = case
    lib.manual_seed(3)
    module = getattr(lib.nn, name)(*args, **kwargs)
    facts = [repr(module), list(module.state_dict()), module.has_uninitialized_params()]
    facts += [repr(p) for p in module.parameters()]
    x = lib.tensor(
        torch.arange(float(torch.Size(shape).numel())).reshape(shape).sin().numpy(), requires_grad=True
    )
    y = module(x)
    facts += [repr(module), type(module).__name__, list(module.state_dict())]
    (y * y).sum().backward()
    values = [y, x.grad, *module.state_dict().values(), *[p.grad for p in module.parameters()]]
    return facts, [array(v) for v in values]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_as_torch(case: Any) -> None:
    (ours, arrays), (theirs, others) = run(tapegrad, case), run(torch, case)
    assert ours == theirs
    for a, b in zip(arrays, others, strict=True):
        assert not differing(a, b, 256, least=max(1.0, float(abs(b).max())), signs=False)


def test_a_state_dict_gives_the_shapes() -> None:
    for lib in (tapegrad, torch):
        first, second = lib.nn.Sequential(lib.nn.LazyConv2d(3, 2)), lib.nn.Sequential(lib.nn.LazyConv2d(3, 2))
        first(lib.ones(1, 2, 4, 4))
        second.load_state_dict(first.state_dict())
        assert not second[0].has_uninitialized_params() and second[0].weight.shape == (3, 2, 2, 2)
        x = lib.ones(1, 2, 4, 4)
        assert lib.equal(first(x), second(x)) and type(second[0]) is lib.nn.Conv2d


@pytest.mark.parametrize(
    ("name", "args", "shape"),
    [
        ("LazyConv2d", (4, 3), (2, 3)),
        ("LazyConv2d", (4, 3, 1, 0, 1, 2), (1, 3, 4, 4)),
        ("LazyConvTranspose1d", (4, 3), (2,)),
    ],
)
def test_errors(name: str, args: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    ours, theirs = (
        f(lambda lib=lib: getattr(lib.nn, name)(*args)(lib.ones(shape))).error
        for f, lib in ((attempt, tapegrad), (attempt_quietly, torch))
    )
    assert ours is not None and same_class(ours, theirs)


def test_there_is_no_shape_yet() -> None:
    module = tapegrad.nn.LazyLinear(3)
    assert tapegrad.nn.parameter.is_lazy(module.weight)
    with pytest.raises(RuntimeError, match="UninitializedParameter"):
        module.weight.shape  # noqa: B018 # it raises
    twin = copy.deepcopy(module).double()
    assert twin(tapegrad.ones(2, 4, dtype=tapegrad.float64)).dtype is tapegrad.float64
    assert module.has_uninitialized_params() and twin.weight.shape == (3, 4)
    assert isinstance(twin.weight, tapegrad.nn.Parameter)


def test_it_is_freed_without_the_collector() -> None:
    gc.disable()
    try:
        module = tapegrad.nn.LazyConv2d(3, 2)
        module(tapegrad.ones(1, 2, 4, 4)).sum().backward()
        seen = weakref.ref(module)
        del module
        assert seen() is None
    finally:
        gc.enable()

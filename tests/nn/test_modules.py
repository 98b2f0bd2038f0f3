"""Every module of the table on tapegrad and on torch: of one seed the same weights, values, gradients, state
and text; copies and pickles are the module again."""

from __future__ import annotations

import copy
import pickle
import re
import warnings
from typing import Any

import pytest

import tapegrad
from tapegrad.testing.samples import Array, Name
from tapegrad.testing.samples.base import Call
from tests.nn import images, samples
from tests.nn.samples import Sample
from tests.ops.comparing import array, attempt, attempt_quietly, differing, leaves_of, same_class
from tests.ops.reporting import weight

torch = pytest.importorskip("torch")

SAMPLES, ERRORS = (*samples.SAMPLES, *images.SAMPLES), (*samples.ERRORS, *images.ERRORS)


def module_of(lib: Any, s: Sample) -> Any:
    """The sample's module, made by one of the libraries."""
    made_of = Call(s.args, s.kwargs).map(Array, lambda a: a.make(lib, 99, False))
    made_of = made_of.map(Name, lambda name: getattr(lib, name.name))
    return getattr(lib.nn, s.name)(*made_of.args, **made_of.kwargs)


def made(lib: Any, s: Sample) -> tuple[Any, list[Any], list[Any]]:
    """(the module, the arguments of its call, the tensors among these that require grad)."""
    lib.manual_seed(3)
    module = module_of(lib, s)
    tensors, call = Call(s.inputs).build(lib)
    return module, list(call.args), [t for t in tensors if t.requires_grad]


def run(lib: Any, s: Sample) -> dict[str, Any]:
    """What comes of the sample: its text and state, and the results and gradients of two calls in training
    and one in evaluation."""
    module, inputs, leaves = made(lib, s)
    found: dict[str, Any] = {"text": repr(module), "first": state(module)}
    for mode in ("train", "again", "eval"):
        module.train(mode != "eval")
        results = [y for y in leaves_of(module(*inputs)) if hasattr(y, "requires_grad")]
        found[mode] = [array(y) for y in results]
        asked = [*leaves, *[p for p in module.parameters() if p.requires_grad]]
        outs = [y for y in results if y.requires_grad]
        if outs and asked:
            total = sum([(y * y * weight(lib, y, i)).sum() + y.sum() for i, y in enumerate(outs)])
            gs = lib.autograd.grad(total, asked, create_graph=True, allow_unused=True)
            found[f"{mode} gradients"] = [None if g is None else array(g) for g in gs]
            found_again = enumerate(g for g in gs if g is not None and g.requires_grad)
            again = [(g * weight(lib, g, 9 + i)).sum() for i, g in found_again]
            if again and mode == "train" and s.second:
                found["second gradients"] = second(lib, sum(again), asked)
    found["last"] = state(module)
    return found


def second(lib: Any, total: Any, asked: list[Any]) -> list[Any] | str:
    """Second gradients, or that torch has none there."""
    try:
        gs = lib.autograd.grad(total, asked, allow_unused=True)
    except (RuntimeError, NotImplementedError) as error:
        if lib is torch and "derivative" in str(error):
            return "none"
        raise
    return [None if g is None else array(g) for g in gs]


def state(module: Any) -> dict[str, Any]:
    """The state_dict as arrays."""
    return {k: array(v) for k, v in module.state_dict().items()}


def quietly(lib: Any, s: Sample) -> dict[str, Any]:
    """`run` with what both libraries say of deprecated arguments left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run(lib, s)


def unlike(ours: Any, theirs: Any, ulps: float) -> str:
    """How two outcomes differ; "" if they do not."""
    if isinstance(ours, dict):
        if list(ours) != list(theirs):
            return f"{list(ours)} and torch {list(theirs)}"
        return "; ".join(f"{k}: {d}" for k in ours if (d := unlike(ours[k], theirs[k], ulps)))
    if isinstance(theirs, str) and theirs == "none":
        return ""
    if isinstance(ours, list):
        return "; ".join(d for a, b in zip(ours, theirs, strict=True) if (d := unlike(a, b, ulps)))
    if ours is None and theirs is not None:
        return "" if not theirs.any() else f"None and torch {theirs}"
    if theirs is None and ours is not None:
        return "" if not ours.any() else f"{ours} and torch None"
    if isinstance(ours, str) or ours is None:
        return "" if ours == theirs else f"{ours!r} and torch {theirs!r}"
    largest = float(abs(theirs).max()) if theirs.size else 0.0
    return differing(ours, theirs, ulps, least=max(1.0, largest), signs=False)


@pytest.mark.parametrize("s", SAMPLES, ids=repr)
def test_as_torch(s: Sample) -> None:
    theirs = attempt_quietly(lambda: quietly(torch, s))
    assert theirs.error is None, theirs.error
    difference = unlike(quietly(tapegrad, s), theirs.value, s.ulps)
    assert not difference, difference


@pytest.mark.parametrize("s", ERRORS, ids=repr)
def test_errors(s: Sample) -> None:
    def call(lib: Any) -> Any:
        module, inputs, _ = made(lib, s)
        return module(*inputs)

    ours, theirs = attempt(lambda: call(tapegrad)).error, attempt_quietly(lambda: call(torch)).error
    assert ours is not None and same_class(ours, theirs), f"{ours!r} and torch {theirs!r}"
    assert re.match(r"[\w.]+: ", str(ours)), str(ours)


@pytest.mark.parametrize("s", {s.name: s for s in SAMPLES}.values(), ids=lambda s: s.name)
def test_copies_and_pickles(s: Sample) -> None:
    module, inputs, _ = made(tapegrad, s)
    module.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
            _, again, _ = made(tapegrad, s)
            assert repr(twin) == repr(module) and type(twin) is type(module)
            with tapegrad.no_grad():
                ours, its = leaves_of(module(*inputs)), leaves_of(twin(*again))
            assert all((a is b) or tapegrad.equal(a, b) for a, b in zip(ours, its, strict=True))
            own = {id(p) for p in module.parameters()}
            assert not own & {id(p) for p in twin.parameters()}
            _, inputs, _ = made(tapegrad, s)

"""nn.init against torch: of one seed the same numbers, and as many drawn."""

from __future__ import annotations

from typing import Any

import pytest

import tapegrad
from tests.ops.comparing import array, attempt, attempt_quietly, differing, same_class

torch = pytest.importorskip("torch")

GIVEN: dict[str, tuple[dict[str, Any], ...]] = {
    "constant_": ({"val": 0.3},),
    "sparse_": ({"sparsity": 0.3}, {"sparsity": 0.5, "std": 2.0}),
    "uniform_": ({}, {"a": -1, "b": 2}),
    "normal_": ({}, {"mean": 3, "std": 0.1}),
    "trunc_normal_": (
        *({}, {"std": 0.02}, {"mean": 1, "std": 3}, {"a": -0.1, "b": 0.1}),
        {"mean": -1, "std": 0.3, "a": 0, "b": 2},
    ),
    "dirac_": ({}, {"groups": 2}, {"groups": 5}),
    "orthogonal_": ({}, {"gain": 2.0}),
    "xavier_uniform_": ({}, {"gain": 3.0}),
    "xavier_normal_": ({}, {"gain": 3.0}),
    **{
        f"kaiming_{kind}_": (
            *({}, {"a": 0.3}, {"mode": "fan_out"}, {"nonlinearity": "relu"}, {"nonlinearity": "tanh"}),
            *({"mode": "no"}, {"nonlinearity": "no"}, {"a": "no"}),
        )
        for kind in ("uniform", "normal")
    },
}
SHAPES = ((6, 5), (5, 6), (40, 3), (6, 4, 3), (4, 3, 2, 3), (4, 2, 1, 3, 2), (3,))
CASES = [
    (name, shape, kwargs)
    for name in torch.nn.init.__all__
    if name.endswith("_")
    for shape in SHAPES
    for kwargs in GIVEN.get(name, ({},))
]


def drawn(lib: Any, name: str, shape: tuple[int, ...], kwargs: dict[str, Any], dtype: str = "float32") -> Any:
    """(what it makes of a parameter, and the next number drawn)."""
    lib.manual_seed(7)
    t = lib.nn.Parameter(lib.full(shape, 9.0, dtype=getattr(lib, dtype)))
    result = getattr(lib.nn.init, name)(t, **kwargs)
    assert result is t and t.requires_grad and t.is_leaf
    return array(t), float(lib.rand(1))


@pytest.mark.parametrize("name", sorted({name for name, _, _ in CASES}))
def test_as_torch(name: str) -> None:
    for _, shape, kwargs in (case for case in CASES if case[0] == name):
        ours = attempt(lambda s=shape, k=kwargs: drawn(tapegrad, name, s, k))
        theirs = attempt_quietly(lambda s=shape, k=kwargs: drawn(torch, name, s, k))
        if theirs.error:
            assert same_class(ours.error, theirs.error), (shape, kwargs, ours, theirs)
            continue
        assert not ours.error, (shape, kwargs, ours.error)
        scale = float(abs(theirs.value[0]).max())
        assert not differing(ours.value[0], theirs.value[0], 8, least=scale, signs=False), (shape, kwargs)
        assert ours.value[1] == theirs.value[1], (shape, kwargs)


def test_narrow_bounds_are_those_of_the_dtype() -> None:
    for dtype in ("float64", "bfloat16"):
        a, b = (drawn(lib, "trunc_normal_", (50, 7), {"std": 0.7}, dtype)[0] for lib in (tapegrad, torch))
        assert not differing(a, b, 1)


@pytest.mark.parametrize("name", [n for n in torch.nn.init.__all__ if n[-1] != "_" and n != "calculate_gain"])
def test_old_names_say_so(name: str) -> None:
    kwargs = GIVEN.get(f"{name}_", ({},))[0]
    shape = (4, 3, 2) if name == "dirac" else (4, 3)
    with pytest.warns(FutureWarning, match=f"{name}_"):
        found = drawn(tapegrad, name, shape, kwargs)
    assert (found[0] == drawn(tapegrad, f"{name}_", shape, kwargs)[0]).all()


@pytest.mark.parametrize(
    "name", ["linear", "conv1d", "conv_transpose3d", "sigmoid", "tanh", "relu", "selu", "no"]
)
def test_gains(name: str) -> None:
    ours, theirs = (attempt(lambda lib=lib: lib.nn.init.calculate_gain(name)) for lib in (tapegrad, torch))
    assert ours.value == theirs.value and same_class(ours.error, theirs.error)


def test_no_elements_are_drawn_of_an_empty_tensor() -> None:
    with pytest.warns(tapegrad.TapegradWarning, match="kaiming|no elements"):
        tapegrad.nn.init.kaiming_uniform_(tapegrad.empty(0, 3))

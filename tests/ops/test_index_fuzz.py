"""x[...] and x[...] = y on random indices, beside torch: results, gradients, errors, and failures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tapegrad
from tests.ops.comparing import array, attempt, attempt_quietly

torch = pytest.importorskip("torch")

SHAPES = ((4, 3), (3, 4, 2), (5,), (2, 1, 3), (0, 3), ())
NEAR = st.integers(-5, 5)


def _ends() -> Any:
    return st.one_of(st.none(), NEAR)


def _array(dtype: str, values: Any) -> Any:
    """An index tensor as data: made by the library at hand."""
    return ("tensor", np.array(values, dtype))


def _arrays(shapes: Any, dtype: str = "int64", low: int = -3, high: int = 2) -> Any:
    return shapes.flatmap(
        lambda s: st.integers(0, 2**32 - 1).map(
            lambda seed: _array(dtype, np.random.default_rng(seed).integers(low, high + 1, s))
        )
    )


def _masks(shape: tuple[int, ...]) -> Any:
    """Masks of one or two dimensions, mostly of the right sizes."""
    sizes = [s for k in range(3) for s in (shape[k : k + 1], shape[k : k + 2]) if s] or [()]
    return _arrays(st.sampled_from([*sizes, (2,)]), "bool", 0, 1)


def _items(shape: tuple[int, ...]) -> Any:
    small = st.sampled_from([(), (2,), (1,), (2, 2), (2, 1), (0,)])
    return st.one_of(
        NEAR,
        st.builds(slice, _ends(), _ends(), st.one_of(st.none(), st.integers(1, 3))),
        st.none(),
        st.just(...),
        st.booleans(),
        _arrays(small),
        _arrays(small, "int32"),
        _masks(shape),
        _masks(shape).map(lambda m: _array("uint8", m[1])),
        st.lists(st.integers(-3, 2), min_size=0, max_size=3),
        st.lists(st.lists(st.integers(-3, 2), min_size=2, max_size=2), min_size=1, max_size=2),
        st.lists(st.booleans(), min_size=2, max_size=4),
        st.integers(0, 2).map(range),
        _arrays(small).map(lambda a: a[1]),
        _masks(shape).map(lambda m: m[1] if m[1].ndim == 1 else m),  # torch counts other ndarrays as 1-d
    )


@st.composite
def _cases(draw: Any) -> tuple[tuple[int, ...], Any]:
    shape = draw(st.sampled_from(SHAPES))
    items = draw(st.lists(_items(shape), min_size=0, max_size=4))
    if sum(i is ... for i in items) > 1:  # what torch does with slices behind a second one is no rule
        items = [i for i in items if not isinstance(i, slice)]
    one = len(items) == 1 and draw(st.booleans())
    return shape, items[0] if one else tuple(items)


def _made(lib: Any, index: Any) -> Any:
    """The index with tensors of a library."""
    if type(index) is tuple and len(index) == 2 and index[0] == "tensor":
        return lib.tensor(index[1])
    if type(index) is tuple:
        return tuple([_made(lib, i) for i in index])
    return index.copy() if isinstance(index, np.ndarray) else index


def _start(lib: Any, shape: tuple[int, ...]) -> Any:
    return lib.tensor(np.arange(np.prod(shape, dtype=int), dtype="f8").reshape(shape), requires_grad=True)


def _read(lib: Any, shape: tuple[int, ...], index: Any) -> list[Any]:
    x = _start(lib, shape)
    y = (x * 1)[_made(lib, index)]
    (y * y).sum().backward()
    return [array(y), array(x.grad)]


def _write(lib: Any, shape: tuple[int, ...], index: Any, value: Any, after: list[Any]) -> list[Any]:
    x = _start(lib, shape)
    y = x * 1
    after.append(y)
    v = value if isinstance(value, float) else lib.tensor(np.full(value, 2.5), requires_grad=True)
    y[_made(lib, index)] = v
    (y * y).sum().backward()
    return [array(y), array(x.grad), *([] if isinstance(value, float) else [array(v.grad)])]


def _differing(ours: Any, theirs: Any) -> str:
    if ours.error or theirs.error:
        same = type(ours.error) is type(theirs.error)
        return "" if same else f"{ours.error!r} and torch {theirs.error!r}"
    for a, b in zip(ours.value, theirs.value, strict=True):
        if a.shape != b.shape or not np.array_equal(a, b):
            return f"{a} and torch {b}"
    return ""


@settings(max_examples=400, deadline=None)
@given(_cases())
def test_reading(case: tuple[tuple[int, ...], Any]) -> None:
    ours = attempt(lambda: _read(tapegrad, *case))
    theirs = attempt_quietly(lambda: _read(torch, *case))
    assert not (text := _differing(ours, theirs)), text


@settings(max_examples=400, deadline=None)
@given(_cases(), st.sampled_from([7.0, (), (1,), (2,), (3,), (2, 3)]))
def test_writing(case: tuple[tuple[int, ...], Any], value: Any) -> None:
    after: list[Any] = []
    assume("uint8" not in str(case[1]))  # torch takes these old masks only for some values
    assume(case[1] is not False)  # torch does not even look at the value: see below
    ours = attempt(lambda: _write(tapegrad, *case, value, after))
    theirs = attempt_quietly(lambda: _write(torch, *case, value, []))
    assert not (text := _differing(ours, theirs)), text
    if ours.error:
        start = np.arange(np.prod(case[0], dtype=int), dtype="f8").reshape(case[0])
        assert np.array_equal(array(after[0]), start), "a failed write changed its target"


@pytest.mark.parametrize("lib", [tapegrad, torch])
def test_writing_at_false_writes_nothing(lib: Any) -> None:
    x = lib.zeros(3)
    x[False] = lib.ones(7)
    assert not x.any()


def test_old_masks_take_any_value() -> None:
    x = tapegrad.zeros(3)
    m = tapegrad.tensor([1, 0, 2], dtype=tapegrad.uint8)
    x[m] = 2.0
    x[m] += tapegrad.tensor([1.0, 2.0])
    assert x.tolist() == [3.0, 0.0, 4.0]

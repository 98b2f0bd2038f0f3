"""inference_mode: tensors made there take part in no graph, and change only there."""

from __future__ import annotations

import copy
import gc
import threading
from typing import Any

import pytest

import tapegrad
from tapegrad._state import special
from tests.autograd.both import same

torch = pytest.importorskip("torch")
REFUSED = "RuntimeError"


def made(lib: Any, *shape: int) -> Any:
    """Ones, made in inference mode."""
    with lib.inference_mode():
        return lib.ones(shape or (4,))


def leaf(lib: Any, *shape: int) -> Any:
    """Ones that require grad."""
    return lib.ones(shape or (4,), requires_grad=True)


def inside(f: Any) -> Any:
    """f(lib), in inference mode."""

    def run(lib: Any) -> Any:
        with lib.inference_mode():
            return f(lib)

    return run


@pytest.mark.parametrize(
    "f",
    [
        made,
        lambda lib: made(lib).exp(),
        lambda lib: made(lib) * lib.ones(4),
        lambda lib: made(lib) + leaf(lib),
        lambda lib: made(lib)[1:],
        lambda lib: made(lib).view(2, 2),
        lambda lib: made(lib).detach(),
        lambda lib: made(lib).data,
        lambda lib: made(lib).clone(),
        lambda lib: made(lib).double(),
        lambda lib: made(lib).float(),
        lambda lib: made(lib).contiguous(),
        lambda lib: copy.deepcopy(made(lib)),
        lambda lib: lib.zeros(4).copy_(made(lib)),
        lambda lib: lib.zeros(4).add_(made(lib)),
        inside(lambda lib: lib.zeros(2) + 1),
        inside(lambda lib: lib.zeros(2).exp()),
        inside(lambda lib: lib.zeros(2)[1:]),
        inside(lambda lib: lib.zeros(2).sum()),
        inside(lambda lib: lib.zeros(2, 2) @ lib.zeros(2, 2)),
        inside(lambda lib: lib.zeros(2) > 0),
        inside(lambda lib: lib.tensor(1.0)),
        inside(lambda lib: lib.rand(2)),
        inside(lambda lib: lib.cat([lib.zeros(2), lib.zeros(2)])),
        inside(lambda lib: lib.zeros(4).split(2)[0]),
        inside(lambda lib: lib.nn.functional.softmax(lib.zeros(4), 0)),
        inside(lambda lib: lib.zeros(4).add_(1)),
        inside(lambda lib: lib.ones(3, requires_grad=True)),
        inside(lambda lib: lib.ones(3).requires_grad_()),
        inside(lambda lib: lib.ones(3, requires_grad=True) * 2),
    ],
)
def test_what_is_an_inference_tensor(f: Any) -> None:
    same(torch, lambda lib: ((t := f(lib)).is_inference(), t.requires_grad, t._is_view(), t._base))


@pytest.mark.parametrize(
    "f",
    [
        lambda lib, x: x[1:],
        lambda lib, x: x.view(2, 2),
        lambda lib, x: x.detach(),
        lambda lib, x: x.data,
        lambda lib, x: x.expand(2, 4),
        lambda lib, x: x.split(2)[0],
        lambda lib, x: x.add_(1),
        lambda lib, x: x.contiguous(),
    ],
)
@pytest.mark.parametrize("grad", [False, True])
def test_views_and_writes_of_normal_tensors_stay_normal(f: Any, grad: bool) -> None:
    def run(lib: Any) -> Any:
        x = lib.zeros(4, requires_grad=grad)
        with lib.inference_mode():
            t = f(lib, x)
            t.mul_(2)
        return t.is_inference(), x._version, t._version, x, t._is_view()

    same(torch, run)


@pytest.mark.parametrize(
    "f",
    [
        lambda lib: made(lib)._version,
        lambda lib: made(lib).add_(1),
        lambda lib: made(lib).__setitem__(0, 1.0),
        lambda lib: made(lib)[1:].add_(1),
        lambda lib: made(lib).zero_(),
        lambda lib: made(lib).normal_(),
        lambda lib: made(lib).resize_(3),
        lambda lib: made(lib).set_(lib.zeros(3)),
        lambda lib: lib.add(lib.ones(4), 1, out=made(lib)),
        lambda lib: lib.no_grad()(lambda: made(lib).add_(1))(),
        lambda lib: made(lib).requires_grad_(),
        lambda lib: lib.nn.Parameter(made(lib)),
        lambda lib: made(lib) * leaf(lib),
        lambda lib: leaf(lib) / made(lib),
        lambda lib: made(lib) / leaf(lib),
        lambda lib: made(lib, 2, 2) @ leaf(lib, 2, 2),
        lambda lib: lib.nn.Linear(4, 2)(made(lib, 3, 4)),
        lambda lib: lib.nn.functional.mse_loss(leaf(lib), made(lib)),
        lambda lib: (leaf(lib) * 1).mul_(made(lib)),
        lambda lib: leaf(lib) * inside(lambda lib: lib.tensor(2.0))(lib),
        lambda lib: inside(lambda lib: lib.tensor(2.0))(lib).add_(1),
    ],
)
def test_refused(f: Any) -> None:
    assert same(torch, f) == REFUSED


@pytest.mark.parametrize(
    "f",
    [
        lambda lib: made(lib) + leaf(lib),
        lambda lib: (leaf(lib) + made(lib)).relu(),
        lambda lib: leaf(lib)[made(lib) > 0],
        lambda lib: lib.cat([made(lib), leaf(lib)]),
        lambda lib: lib.where(made(lib) > 0, leaf(lib), leaf(lib)),
        lambda lib: (leaf(lib) * 1).copy_(made(lib)),
        lambda lib: inside(lambda lib: lib.nn.Linear(4, 2))(lib)(lib.ones(3, 4)).sum(),
        lambda lib: made(lib).requires_grad_(False),
        lambda lib: made(lib).detach_(),
        lambda lib: made(lib).numpy().tolist(),
    ],
)
def test_allowed(f: Any) -> None:
    assert same(torch, lambda lib: [getattr(f(lib), "requires_grad", None)]) != REFUSED


def test_writes_inside_are_noticed_outside() -> None:
    def f(lib: Any) -> None:
        x = leaf(lib) * 1
        y = x * x
        with lib.inference_mode():
            x.add_(1)
        y.sum().backward()

    assert same(torch, f) == REFUSED


def test_modes() -> None:
    def f(lib: Any) -> Any:
        with lib.inference_mode():
            before = lib.is_grad_enabled(), lib.is_inference_mode_enabled()
            with lib.inference_mode(False):
                y = leaf(lib) * 2
            with lib.enable_grad():
                z = leaf(lib) * 2
        return before, y.is_inference(), y.requires_grad, z.is_inference(), z.requires_grad

    same(torch, f)


def test_only_the_thread_itself_is_in_the_mode() -> None:
    found = []
    with tapegrad.inference_mode():
        t = threading.Thread(target=lambda: found.append((tapegrad.ones(2) * 2).is_inference()))
        t.start()
        t.join()
        found.append((tapegrad.ones(2) * 2).is_inference())
    assert found == [False, True]


def test_wrappers_are_fast_again_once_the_tensors_are_gone() -> None:
    gc.collect()
    before = special.alert
    x = made(tapegrad)
    y = x * 2
    assert not y.is_inference()
    assert special.alert == before + 1
    del x
    assert special.alert == before


def test_the_messages() -> None:
    x = made(tapegrad, 2)
    with pytest.raises(RuntimeError, match=r"^add_: `x`, a Tensor\[2\], was made in inference_mode\(\)"):
        x.add_(1)
    with pytest.raises(RuntimeError, match=r"^mul: float32\[2\] was made in .*clone\(\) it first"):
        _ = x * leaf(tapegrad, 2)
    assert (x.clone() * leaf(tapegrad, 2)).requires_grad

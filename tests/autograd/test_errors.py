"""Each autograd error: its class, what it says (what happened, where, the cure), and that nothing changed."""

import re

import pytest

import tapegrad as torch
from tapegrad.autograd import backward, grad


def w(*values, **kwargs):
    return torch.tensor(list(values), requires_grad=True, **kwargs)


def here(offset=0):
    """This file's line, as messages write it."""
    import inspect

    return f"test_errors.py:{inspect.currentframe().f_back.f_lineno + offset}"


def test_second_backward_through_a_freed_graph():
    x = w(1.0, 2.0)
    y = (x * x).sum()
    y.backward()
    freed = here(-1)
    kept = x.grad.clone()
    message = f"mul backward: this graph was already used and freed (by {freed}). Pass retain_graph=True"
    with pytest.raises(RuntimeError, match=re.escape(message)):
        y.backward()
    assert torch.equal(x.grad, kept)


def test_second_backward_through_ops_that_save_nothing_is_legal():
    x = w(1.0, 2.0)
    y = (x + 1.0).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_non_scalar_backward_needs_a_gradient():
    x = torch.ones(3, 2, requires_grad=True)
    with pytest.raises(
        RuntimeError, match=re.escape("backward: a [3, 2] tensor is not a scalar; pass gradient= of that")
    ):
        (x * 2).backward()
    assert x.grad is None


def test_no_graph():
    with pytest.raises(
        RuntimeError, match=r"backward: .*does not require grad and has no grad_fn.*requires_grad=True"
    ):
        torch.ones(3).sum().backward()


def test_leaf_written_in_place():
    x = w(1.0, 2.0, 3.0)
    message = (
        "add_: `x`, a leaf Tensor[3] that requires grad, cannot change in place; "
        "wrap the update in no_grad()."
    )
    with pytest.raises(RuntimeError, match=re.escape(message)):
        x.add_(1)
    with pytest.raises(RuntimeError, match="a leaf Tensor"):
        x += 1
    with pytest.raises(RuntimeError, match="a leaf Tensor"):
        x[0] = 5.0
    with pytest.raises(RuntimeError, match="view of a leaf"):
        x[0].zero_()
    assert x.tolist() == [1.0, 2.0, 3.0]


def test_saved_array_overwritten():
    x = w(1.0, 2.0)
    y = x * 1.0
    z = y * y
    recorded = here(-1)
    y.add_(1)
    written = here(-1)
    message = (
        f"mul backward: a float32[2] array that mul saved ({recorded}) was written in place at {written} "
        "(`y` shows it). Clone it first, or use the out-of-place op."
    )
    with pytest.raises(RuntimeError, match=re.escape(message)):
        z.sum().backward()
    assert x.grad is None


def test_saved_scalar_overwritten():
    x = torch.tensor(2.0, requires_grad=True)
    y = x.exp()  # a NumPy scalar inside, until it is written
    y.mul_(2.0)
    with pytest.raises(RuntimeError, match=r"a float32\[\] array that exp saved"):
        y.backward()
    y = x.exp()
    z = y * x
    y.add_(1.0)
    with pytest.raises(RuntimeError, match="that mul saved"):
        z.backward()


def test_unused_input():
    x, other = w(1.0), w(2.0)
    with pytest.raises(
        RuntimeError,
        match=re.escape("grad: inputs[1] (`other`), a float32[1] tensor, is not used by the outputs"),
    ):
        grad((x * 2).sum(), [x, other])
    assert grad((x * 2).sum(), [x, other], allow_unused=True)[1] is None
    assert grad((x * 2).sum(), [x, other], materialize_grads=True)[1].tolist() == [0.0]


def test_input_that_does_not_require_grad():
    x = w(1.0)
    with pytest.raises(
        RuntimeError, match=re.escape("grad: inputs[0], a float32[1] tensor, does not require grad")
    ):
        grad(x.sum(), torch.ones(1))


def test_integer_tensor_cannot_require_grad():
    with pytest.raises(
        RuntimeError, match=r"requires_grad_: .*\[2\] is torch.int64; only floating point.*\.float\(\)"
    ):
        torch.tensor([1, 2], requires_grad=True)
    t = torch.tensor([1, 2])
    with pytest.raises(RuntimeError, match="only floating point"):
        t.requires_grad_()
    assert not t.requires_grad


def test_shape_mismatch():
    with pytest.raises(
        RuntimeError, match=re.escape("add: input is [2] and other is [3]; dimension -1 has 2 and 3")
    ):
        torch.ones(2) + torch.ones(3)
    message = (
        "matmul: input is [3, 4] and other is [2, 4]; input's last size (4) must equal other's second-last "
        "(2). Did you mean other.mT?"
    )
    with pytest.raises(RuntimeError, match=re.escape(message)):
        torch.ones(3, 4) @ torch.ones(2, 4)


def test_gradient_of_another_shape():
    x = w(1.0, 2.0)
    with pytest.raises(
        RuntimeError, match=re.escape("backward: gradient is [3] and the tensor [2]; they must be equal.")
    ):
        (x * 2).backward(torch.ones(3))
    with pytest.raises(TypeError, match="backward: gradient is float; a Tensor or None is needed"):
        (x * 2).backward(1.0)
    with pytest.raises(RuntimeError, match="backward: 2 tensors and 1 gradients are given"):
        backward([x.sum(), x.sum()], [torch.tensor(1.0)])


def test_a_failing_hook_changes_no_gradient():
    x, y = w(1.0), w(2.0)

    def fails(g):
        raise KeyError("hook")

    y.register_hook(fails)
    with pytest.raises(KeyError):
        (x * 2 + y * 3).sum().backward()
    assert x.grad is None and y.grad is None


def test_numpy_of_a_tensor_that_requires_grad():
    x = w(1.0)
    with pytest.raises(RuntimeError, match=r"numpy: .* requires grad.*\.detach\(\)\.numpy\(\)"):
        x.numpy()
    with pytest.raises(RuntimeError, match="requires grad"):
        x.__array__()
    assert x.numpy(force=True).tolist() == [1.0]


def test_computed_tensor_cannot_stop_requiring_grad():
    y = w(1.0) * 2
    with pytest.raises(
        RuntimeError,
        match=r"`y`, .* was computed \(mul, test_errors.py:\d+\) and cannot stop .*; use detach\(\)",
    ):
        y.requires_grad_(False)
    assert y.requires_grad


def test_grad_of_a_non_leaf_says_how_to_keep_it():
    y = w(1.0) * 2
    with pytest.warns(torch.TapegradWarning, match="retain_grad"):
        assert y.grad is None

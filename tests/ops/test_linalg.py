"""Linear algebra beyond the samples: errors by entry, what is not finite, degenerate values, out=, names."""

from __future__ import annotations

import numpy as np
import pytest

import tapegrad as torch
from tapegrad.func import vmap
from tapegrad.linalg import LinAlgError
from tests.ops.comparing import array

SINGULAR = [[1.0, 2.0], [2.0, 4.0]]


def test_a_singular_entry_is_named():
    a = torch.stack([torch.eye(2), torch.tensor(SINGULAR), torch.eye(2)])
    with pytest.raises(LinAlgError, match=r"linalg.inv: A\[1\] is a singular \[2, 2\] matrix"):
        torch.linalg.inv(a)
    with pytest.raises(LinAlgError, match=r"linalg.solve: A\[1\]"):
        torch.linalg.solve(a, torch.ones(2, 1))
    with pytest.raises(LinAlgError, match=r"linalg.cholesky: A\[0, 1\]'s leading 2 x 2 block"):
        torch.linalg.cholesky(
            torch.stack([torch.eye(2), -torch.eye(2) + 2 * torch.tensor([[1.0, 0], [0, 0]])])[None]
        )
    assert issubclass(LinAlgError, RuntimeError)


def test_errors_come_through_vmap():
    with pytest.raises(LinAlgError, match=r"A\[2\]"):
        vmap(torch.linalg.inv)(torch.stack([torch.eye(2), torch.eye(2), torch.zeros(2, 2)]))


def test_what_is_not_finite():
    a = torch.eye(3)
    a[0, 1] = float("nan")
    assert array(torch.linalg.inv(a)).shape == (3, 3)
    with pytest.raises(LinAlgError, match="nan"):
        torch.linalg.svd(a)
    with pytest.raises(LinAlgError, match="nan"):
        torch.linalg.svdvals(a)
    with pytest.raises(RuntimeError, match="nan or inf"):
        torch.linalg.eig(a)
    with pytest.raises(LinAlgError, match="positive definite"):
        torch.linalg.cholesky(a.mT)
    b = torch.tensor([[1.0, float("nan")], [float("nan"), 1.0]])
    assert np.isnan(array(torch.linalg.eigh(b).eigenvalues)).all()


def test_numpys_error_state_changes_nothing():
    a = torch.tensor(SINGULAR)
    with np.errstate(all="raise"), pytest.raises(LinAlgError, match="singular"):
        torch.linalg.inv(a)
    with np.errstate(all="raise"):
        found = torch.linalg.inv_ex(a)
    assert found.info.item() == 2 and np.isnan(array(found.inverse)).all()


def test_eigenvalues_of_equal_ones_have_a_gradient():
    # Only eigenvectors have the division by gaps in theirs.
    a = torch.eye(3, requires_grad=True)
    torch.linalg.eigh(a).eigenvalues.sum().backward()
    np.testing.assert_allclose(array(a.grad), np.eye(3), atol=1e-6)
    a.grad = None
    torch.linalg.svd(a).S.sum().backward()
    np.testing.assert_allclose(array(a.grad), np.eye(3), atol=1e-6)


def test_the_determinant_of_a_singular_matrix_has_a_gradient():
    a = torch.tensor(SINGULAR, requires_grad=True)
    torch.linalg.det(a).backward()
    np.testing.assert_allclose(array(a.grad), [[4, -2], [-2, 1]], atol=1e-6)


def test_results_that_do_not_follow_from_a_form_of_q_refuse():
    a = torch.rand(4, 2).requires_grad_()
    for mode, message in (("r", "mode 'r'"), ("complete", "mode 'complete'")):
        r = torch.linalg.qr(a, mode=mode).R
        with pytest.raises(RuntimeError, match=message):
            r.sum().backward()
    with pytest.raises(RuntimeError, match="LDL factors have no derivative"):
        torch.linalg.ldl_factor(torch.eye(2).requires_grad_()).LD.sum().backward()


def test_a_write_into_a_factor_is_noticed():
    a = torch.rand(3, 3).requires_grad_()
    u, s, _ = torch.linalg.svd(a)
    with torch.no_grad():
        u.zero_()
    with pytest.raises(RuntimeError, match="written in place"):
        s.sum().backward()


def test_results_have_names():
    found = torch.linalg.eigh(torch.eye(1))
    assert repr(found) == (
        "torch.return_types.linalg_eigh(\neigenvalues=tensor([1.]),\neigenvectors=tensor([[1.]]))"
    )
    assert torch.linalg.svd(torch.eye(2))._fields == ("U", "S", "Vh")
    assert torch.svd(torch.eye(2))._fields == ("U", "S", "V")
    assert isinstance(found, torch.return_types.linalg_eigh)


def test_norm_knows_the_nuclear_norm():
    a = torch.eye(3)[None] * torch.tensor([1.0, -2.0])[:, None, None]
    assert torch.norm(a, "nuc", dim=(1, 2)).tolist() == [3.0, 6.0]
    assert torch.norm(a[0], p="nuc", keepdim=True).tolist() == [[3.0]]


def test_out():
    a = torch.rand(3, 3) + 3 * torch.eye(3)
    out = torch.empty(0)
    assert torch.linalg.inv(a, out=out) is out
    np.testing.assert_array_equal(array(out), array(torch.linalg.inv(a)))
    values, vectors = torch.empty(0), torch.empty(0)
    found = torch.linalg.eigh(a, out=(values, vectors))
    assert found.eigenvalues is values and found.eigenvectors is vectors and vectors.shape == (3, 3)
    with pytest.raises(TypeError, match="a tuple of 2 tensors"):
        torch.linalg.qr(a, out=values)


@pytest.mark.parametrize("n", [0, 1, 3, 40, 100])
@pytest.mark.parametrize("dtype", ["f8", "c16"])
def test_factors_multiply_to_the_matrix(n, dtype):
    random = np.random.default_rng(n)
    a = random.normal(size=(2, n, n + 2)).astype(dtype)
    if dtype == "c16":
        a += 1j * random.normal(size=a.shape)
    for x in (a, a.swapaxes(-1, -2).copy()):
        t = torch.tensor(x)
        u, s, vh = (array(y) for y in torch.linalg.svd(t, full_matrices=False))
        np.testing.assert_allclose((u * s[..., None, :]) @ vh, x, atol=1e-12)
        q, r = (array(y) for y in torch.linalg.qr(t))
        np.testing.assert_allclose(q @ r, x, atol=1e-12)
        p, l_, u = (array(y) for y in torch.linalg.lu(t))
        np.testing.assert_allclose(p @ l_ @ u, x, atol=1e-12)
    square = a[..., :n]
    values, v = (array(y) for y in torch.linalg.eig(torch.tensor(square)))
    np.testing.assert_allclose(square @ v, v * values[..., None, :], atol=1e-10)
    hermitian = square + square.swapaxes(-1, -2).conj()
    values, v = (array(y) for y in torch.linalg.eigh(torch.tensor(hermitian)))
    np.testing.assert_allclose(hermitian @ v, v * values[..., None, :], atol=1e-11)
    ld, pivots = torch.linalg.ldl_factor(torch.tensor(hermitian), hermitian=True)
    b = torch.tensor(square)
    x = array(torch.linalg.ldl_solve(ld, pivots, b, hermitian=True))
    np.testing.assert_allclose(hermitian @ x, square, atol=1e-8)


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("zero", [False, True])
def test_triangles_go_on_after_a_zero(upper, zero):
    other = pytest.importorskip("torch")
    a = np.random.default_rng(3).normal(size=(4, 4))
    if zero:
        a[2, 2] = 0
    b = np.ones((4, 2))
    x = torch.linalg.solve_triangular(torch.tensor(a), torch.tensor(b), upper=upper)
    y = other.linalg.solve_triangular(other.tensor(a), other.tensor(b), upper=upper)
    np.testing.assert_allclose(array(x), y.numpy(), rtol=1e-12)


def test_low_rank_draws_as_torch_does():
    other = pytest.importorskip("torch")
    a = np.random.default_rng(1).normal(size=(9, 6))
    for name in ("svd_lowrank", "pca_lowrank"):
        torch.manual_seed(0)
        other.manual_seed(0)
        for x, y in zip(
            getattr(torch, name)(torch.tensor(a), 3), getattr(other, name)(other.tensor(a), 3), strict=True
        ):
            np.testing.assert_allclose(np.abs(array(x)), np.abs(y.numpy()), rtol=1e-9)


@pytest.mark.parametrize(
    "a",
    [
        np.arange(1.0, 10.0).reshape(3, 3),
        np.outer([1.0, 2.0, 3.0], [1.0, 1.0, 2.0]),
        np.zeros((3, 3)),
        np.stack([np.eye(3), np.diag([1.0, 0.0, 2.0])]),
        np.arange(1.0, 10.0).reshape(3, 3) * (1 + 1j),
    ],
    ids=["rank 2", "rank 1", "zero", "batch", "complex"],
)
def test_second_derivatives_of_det_at_singular_matrices(a):
    """Gradients are quadratic in 3 x 3 matrices. PyTorch's are nan at 0, and wrong for complex ones."""
    by = np.random.default_rng(0).normal(size=a.shape)

    def gradient(a):
        x = torch.tensor(a, requires_grad=True)
        (g,) = torch.autograd.grad(torch.linalg.det(x).real.sum(), x, create_graph=True)
        return x, g

    x, g = gradient(a)
    (found,) = torch.autograd.grad((g * torch.tensor(by)).sum().real, x)
    wanted = (gradient(a + by)[1] - gradient(a - by)[1]) / 2
    np.testing.assert_allclose(found.numpy(), wanted.detach().numpy(), atol=1e-12)


def test_einsum_of_one_operand_is_a_view_of_it():
    x = torch.ones(2, 3, requires_grad=True)
    y = torch.einsum("ij->ij", x)
    assert y is not x and y._is_view() and y.grad_fn is not None and y.data_ptr() == x.data_ptr()
    number = torch.tensor(1.5)
    assert torch.einsum("->", number) is not number

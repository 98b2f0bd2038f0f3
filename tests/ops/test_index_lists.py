"""Lists as indices: of integers an array, of anything else a tuple, as in torch; indices of no elements."""

import pytest

import tapegrad as torch

Y = torch.arange(24.0).view(2, 3, 4)


@pytest.mark.parametrize(
    ("index", "shape"),
    [
        ([0, 1], [2, 3, 4]),
        ([[0, 1], [1, 0]], [2, 4]),
        ([[0, 1]], [2, 3, 4]),
        ([torch.tensor([0]), torch.tensor([1])], [1, 4]),
        ([slice(0, 1), 0], [1, 4]),
        ([None, 0], [1, 3, 4]),
        ([..., 0], [2, 3]),
        ([True, False], [1, 3, 4]),
        ([0] * 32, [32, 3, 4]),
    ],
)
def test_shapes(index: list, shape: list) -> None:
    assert list(Y[index].shape) == shape


def test_writing_and_gradients_go_the_same_way() -> None:
    x = Y.clone().requires_grad_()
    x[[[0, 1], [1, 0]]].sum().backward()
    assert x.grad.sum().item() == 8 and x.grad[0, 1].tolist() == x.grad[1, 0].tolist() == [1] * 4
    z = Y.clone()
    z[[[0, 1], [1, 0]]] = -1
    assert (z == -1).sum().item() == 8


NOTHING, OUTSIDE = torch.tensor([], dtype=torch.int64), torch.tensor([2, 9])


@pytest.mark.parametrize("index", [(torch.tensor([2, 0]), NOTHING), (OUTSIDE, torch.tensor([1, 2, 3]))])
def test_shapes_must_fit_also_where_there_are_no_elements(index: tuple) -> None:
    x = Y[:, :, :0]
    with pytest.raises(IndexError, match="index: shape mismatch"):
        x[index]
    with pytest.raises(IndexError, match="index: shape mismatch"):
        x[index] = 7.0
    assert x[OUTSIDE].shape == (2, 3, 0)
    x[OUTSIDE] = 7.0

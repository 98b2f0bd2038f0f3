"""The lectures' rows 16 to 26d: training ADALINE on Iris, with exactly the results of their table."""

import inspect
import json
import re
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tapegrad as torch
import tapegrad.nn.functional as F
from tapegrad.data import iris
from tests.lectures.running import EXPECTED, SCRIPTS, ported, run

LOSSES = (
    "0.38849 0.31679 0.26379 0.22463 0.19527 0.17307 0.15629 0.14352 0.13360 0.12600 "
    "0.12007 0.11547 0.11178 0.10884 0.10656 0.10470 0.10320 0.10200 0.10105 0.10025"
)
FIVE = "%.5f"
Lecture = Callable[[str], tuple[str, dict[str, Any]]]


def losses(lecture: Lecture, way: str) -> str:
    """What a way's script collected, as the lecture prints it."""
    pytest.importorskip("pandas")
    return " ".join([FIVE % c for c in lecture(f"adaline_{way}")[1]["cost"]])


def test_row_16_gradients_by_hand(lecture: Lecture) -> None:
    assert losses(lecture, "manual") == LOSSES


def test_row_17_gradients_by_grad(lecture: Lecture) -> None:
    assert losses(lecture, "semi") == LOSSES


def test_row_18_module_loss_and_optimizer(lecture: Lecture) -> None:
    assert losses(lecture, "nn") == LOSSES


@pytest.mark.parametrize("way", ["manual", "semi", "nn"])
def test_row_19_accuracies(way: str, lecture: Lecture) -> None:
    pytest.importorskip("pandas")
    printed, names = lecture(f"adaline_{way}")
    assert printed.endswith("Training Accuracy: 92.86\nTest Accuracy: 93.33\n")
    train = names["accuracy"](names["model"], names["X_train"], names["y_train"])
    assert train.dtype is torch.float32
    assert train.item() == pytest.approx(65 / 70)
    assert names["y_test"].dtype is torch.int32


def test_row_20_detach_zero_changes_the_parameter() -> None:
    linear = torch.nn.Linear(2, 1)
    weight = linear.weight
    assert weight.abs().sum() > 0
    assert linear.weight.detach().zero_().requires_grad is False
    assert linear.weight is weight
    assert repr(weight) == "Parameter containing:\ntensor([[0., 0.]], requires_grad=True)"


def test_row_21_parameters_and_their_gradients() -> None:
    class Adaline(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.linear(x).view(-1)

    model = Adaline()
    assert inspect.isgenerator(model.parameters())
    weight, bias = model.parameters()
    assert weight is model.linear.weight
    assert bias is model.linear.bias
    assert [p.shape for p in (weight, bias)] == [torch.Size([1, 2]), torch.Size([1])]
    assert weight.grad is None
    x, y = torch.tensor([[1.0, 2.0], [3.0, 5.0]]), torch.tensor([0.0, 1.0])
    yhat = model(x)
    F.mse_loss(yhat, y).backward()
    by_yhat = (yhat.detach() - y).numpy()  # 2 (yhat - y) / 2
    np.testing.assert_allclose(model.linear.weight.grad.numpy(), [by_yhat @ x.numpy()], rtol=1e-6)
    np.testing.assert_allclose(model.linear.bias.grad.numpy(), [by_yhat.sum()], rtol=1e-6)
    assert [p.grad.shape for p in model.parameters()] == [torch.Size([1, 2]), torch.Size([1])]


def test_row_22_without_zero_grad_training_goes_wrong(tmp_path: Any) -> None:
    pytest.importorskip("pandas")
    source = ported(SCRIPTS["adaline_nn"].read_text(encoding="utf-8"))
    assert source.count("optimizer.zero_grad()\n") == 1
    script = tmp_path / "forgot.py"
    script.write_text(source.replace("            optimizer.zero_grad()\n", ""), encoding="utf-8")
    printed, names = run(script)
    cost = [c.item() for c in names["cost"]]
    assert max(cost[10:]) > 0.4  # it swings, where it should fall below 0.12
    assert cost[-1] == pytest.approx(0.18401, abs=2e-4)  # torch's
    assert "Training Accuracy: 68.57" in printed


def test_row_22_adding_up_over_two_passes_is_legal() -> None:
    torch.manual_seed(3)
    linear = torch.nn.Linear(2, 1)
    x, y = torch.randn(8, 2), torch.randn(8, 1)
    for half in (slice(None, 4), slice(4, None)):
        (F.mse_loss(linear(x[half]), y[half]) / 2).backward()
    added = [p.grad.clone() for p in linear.parameters()]
    linear.zero_grad()
    F.mse_loss(linear(x), y).backward()
    for a, p in zip(added, linear.parameters(), strict=True):
        np.testing.assert_allclose(a.numpy(), p.grad.numpy(), rtol=1e-5)


def test_row_23_no_grad_for_logging() -> None:
    linear = torch.nn.Linear(2, 1)
    x, y = torch.ones(70, 2), torch.zeros(70, 1)
    with torch.no_grad():
        hidden = linear(x)
        memory = weakref.ref(hidden.numpy())
        loss = F.mse_loss(hidden, y)
    assert loss.requires_grad is False
    assert loss.grad_fn is None
    assert repr(loss) == f"tensor({loss.item():.4f})"
    del hidden
    assert memory() is None
    assert F.mse_loss(linear(x), y).requires_grad  # outside, everything is as before


def test_row_24_losses_as_numbers_and_as_a_plot() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    w = torch.tensor(0.5, requires_grad=True)
    with torch.no_grad():
        cost = [(w * k) ** 2 for k in range(4)]
    assert all(c.shape == () for c in cost)
    figure = plt.figure()
    try:
        (line,) = plt.plot(range(len(cost)), cost)
        plt.ylabel("Mean Squared Error")
        figure.canvas.draw()
        np.testing.assert_array_equal(np.asarray(line.get_ydata(), float), [0, 0.25, 1, 2.25])
    finally:
        plt.close(figure)
    loss = w * w
    assert [FIVE % loss, f"{loss:.5f}", f"{loss:6.2f}"] == ["0.25000", "0.25000", "  0.25"]
    assert float(loss) == 0.25
    assert type(float(loss)) is float
    assert type(loss.item()) is float
    whole = "%d"
    assert whole % torch.tensor(7) == "7"


def test_row_25_pandas_columns() -> None:
    pd = pytest.importorskip("pandas")
    features, target, names, _ = iris()
    df = pd.DataFrame(features, columns=["x1", "x2", "x3", "x4"])
    df["y"] = target
    df = df.iloc[50:150]
    x = torch.tensor(df[["x2", "x3"]].values, dtype=torch.float)
    assert x.dtype is torch.float32
    assert x.shape == (100, 2)
    assert names[1:3] == ("sepal width (cm)", "petal length (cm)")
    np.testing.assert_array_equal(x.numpy(), features[50:150, 1:3].astype(np.float32))
    y = torch.tensor(df["y"].values - 1, dtype=torch.int)
    assert repr(y[:3]) == "tensor([0, 0, 0], dtype=torch.int32)"
    assert torch.tensor(df["y"].values).dtype is torch.int64
    assert torch.tensor(df[["x2"]].values).dtype is torch.float64
    x.zero_()
    assert df["x2"].iloc[0] == 3.2  # a copy was made
    assert torch.tensor(df["x1"]).shape == (100,)


def test_row_26_the_same_script_twice(port: Callable) -> None:
    pytest.importorskip("pandas")
    for name in SCRIPTS:
        path = port(name)
        assert run(path)[0] == run(path)[0]


def test_row_26a_version_and_own_loss() -> None:
    assert isinstance(torch.__version__, str)
    assert re.match(r"\d+\.\d+", torch.__version__)
    torch.manual_seed(4)
    target = torch.randn(10)
    mine, theirs = (torch.linspace(-1, 1, 10, requires_grad=True) for _ in range(2))
    own, built_in = torch.mean((mine - target) ** 2), F.mse_loss(theirs, target)
    assert own.item() == built_in.item()
    own.backward()
    built_in.backward()
    assert torch.equal(mine.grad, theirs.grad)


def chain_of(node: Any) -> Iterator[Any]:
    """A node and its first parents, back to a leaf."""
    while node is not None:
        yield node
        node = node.parents[0] if node.parents else None


def test_row_26b_binding_the_weight_anew(lecture: Lecture) -> None:
    pytest.importorskip("pandas")
    printed, names = lecture("adaline_rebind")
    assert losses(lecture, "rebind") == LOSSES
    assert "Training Accuracy: 92.86\nTest Accuracy: 93.33\n" in printed
    model = names["model"]
    assert not model.weight.is_leaf
    steps = 20 * 7
    titles = [n.name() for n in chain_of(model.weight.grad_fn)]
    assert titles == ["AddBackward0"] * steps + ["AccumulateGrad"]  # the chain of all steps


def test_row_26c_zeroing_a_leaf() -> None:
    linear = torch.nn.Linear(2, 1)
    before = linear.weight.tolist()
    message = (
        "zero_: `linear.weight`, a leaf Tensor[1, 2] that requires grad, cannot change in place; wrap the "
        "update in no_grad()."
    )
    with pytest.raises(RuntimeError, match=f"^{re.escape(message)}$"):
        linear.weight.zero_()
    assert linear.weight.tolist() == before
    with torch.no_grad():
        linear.weight.zero_()
    assert linear.weight.tolist() == [[0, 0]]
    assert linear.weight.requires_grad
    linear = torch.nn.Linear(2, 1)
    linear.weight.detach().zero_()
    assert linear.weight.tolist() == [[0, 0]]


@pytest.mark.parametrize("case", json.loads((EXPECTED / "linear.json").read_text(encoding="utf-8")), ids=str)
def test_row_26d_fresh_weights_are_torchs(case: dict) -> None:
    seed, inputs, outputs = case["arguments"]
    torch.manual_seed(seed)
    linear = torch.nn.Linear(inputs, outputs)
    for p, bits, text in zip(
        (linear.weight, linear.bias), (case["weight"], case["bias"]), case["text"], strict=True
    ):
        a = p.detach().numpy()
        assert a.dtype == np.float32
        assert a.view(np.int32).ravel().tolist() == bits
        assert repr(p) == text
        assert text.startswith("Parameter containing:\ntensor(")
        assert 0 < abs(a).max() <= inputs**-0.5
    assert len(set(linear.weight.detach().flatten().tolist())) > 0.9 * inputs * outputs

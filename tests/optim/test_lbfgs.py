"""LBFGS against torch's: the path, the state, the number of evaluations; errors leave parameters alone."""

import pytest

import tapegrad

from .test_against_torch import assert_equal, values

torch = pytest.importorskip("torch")

OPTIONS = [
    {},
    {"lr": 0.1, "max_iter": 4},
    {"lr": 0.5, "history_size": 2},
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "lr": 30.0, "max_iter": 5, "max_eval": 9},
    {"line_search_fn": "strong_wolfe", "lr": 0.01, "max_iter": 3, "history_size": 1},
    {"max_iter": 1},
    {"tolerance_grad": 1.0},
    {"tolerance_change": 0.5},
]


def rosenbrock(x, s):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum() + (s - 2) ** 2


def path(lib, options, n=3):
    x = lib.tensor([-1.2, 1.0, 0.5, 2.0], dtype=lib.float64, requires_grad=True)
    s, unused = (lib.tensor(v, dtype=lib.float64, requires_grad=True) for v in (0.5, [1.0, 2.0]))
    optimizer = lib.optim.LBFGS([x, s, unused], **options)

    def closure():
        optimizer.zero_grad()
        loss = rosenbrock(x, s)
        loss.backward()
        return loss

    with lib.no_grad():
        losses = [optimizer.step(closure).item() for _ in range(n)]
    return [losses, values([x, s, unused]), values(optimizer.state_dict())]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_path_and_the_state_are_torchs(options):
    (losses, ours, state), (expected, theirs, reference) = path(tapegrad, options), path(torch, options)
    assert losses == pytest.approx(expected, rel=1e-7)
    assert_equal(ours, theirs, 1e-7)
    held, kept = state["state"].get(0, {}), reference["state"].get(0, {})
    assert held.keys() == kept.keys()
    for k in ("func_evals", "n_iter"):
        assert held[k] == kept[k]
    for k in kept.keys() & {"prev_flat_grad", "prev_loss", "d"}:
        assert_equal(held[k], kept[k], 1e-4)
    assert state["param_groups"] == reference["param_groups"]


def test_refused_before_anything_changes():
    x, y = tapegrad.ones(2, requires_grad=True), tapegrad.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="LBFGS: params is 2 groups"):
        tapegrad.optim.LBFGS([{"params": [x]}, {"params": [y]}])
    with pytest.raises(ValueError, match="LBFGS: lr is -1"):
        tapegrad.optim.LBFGS([x], lr=-1)
    optimizer = tapegrad.optim.LBFGS([x], line_search_fn="no")
    with pytest.raises(RuntimeError, match="line_search_fn is 'no'"):
        optimizer.step(lambda: x.sum())


def test_an_error_in_a_line_search_leaves_the_parameters():
    x = tapegrad.tensor([3.0, 1.0], requires_grad=True)
    optimizer = tapegrad.optim.LBFGS([x], line_search_fn="strong_wolfe")
    calls = []

    def closure():
        calls.append(None)
        if len(calls) > 1:
            raise KeyError("no data")
        optimizer.zero_grad()
        loss = (x * x).sum()
        loss.backward()
        return loss

    with pytest.raises(KeyError):
        optimizer.step(closure)
    assert x.tolist() == [3.0, 1.0]

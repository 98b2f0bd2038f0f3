"""lobpcg beyond its samples: methods, problems with B, preconditioners, random starts, the tracker."""

from __future__ import annotations

import numpy as np
import pytest

import tapegrad

M = 20


def problem(*lead: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A, B, and a start."""
    random = np.random.default_rng(len(lead))
    a = random.normal(size=(*lead, M, M))
    a = a @ a.swapaxes(-1, -2)
    return a + np.diag(np.arange(M) + 1.0), np.eye(M) + a / (10 * M), random.normal(size=(*lead, M, 4))


@pytest.mark.parametrize("generalized", [False, True])
@pytest.mark.parametrize("largest", [False, True])
@pytest.mark.parametrize("method", ["ortho", "basic"])
def test_as_torch_after_few_steps_and_at_the_end(method: str, largest: bool, generalized: bool) -> None:
    torch = pytest.importorskip("torch")
    a, b, start = problem()
    for niter, k in ((1, 1), (2, 3), (5, 4), (40, 2)):
        if niter == 1 and method == "ortho":
            continue  # torch's first step leaves the eigenvalues at 0
        found = []
        for lib in (tapegrad, torch):
            given = {"B": lib.tensor(b)} if generalized else {}
            values, vectors = lib.lobpcg(
                lib.tensor(a), k, X=lib.tensor(start), niter=niter, largest=largest, method=method, **given
            )
            found.append((values.numpy(), np.abs(vectors.numpy())))
        np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-7)
        np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-5)


def test_it_finds_eigenpairs_from_the_same_random_start() -> None:
    torch = pytest.importorskip("torch")
    a, _, _ = problem(2)
    found = []
    for lib in (tapegrad, torch):
        lib.manual_seed(1)
        found.append([t.numpy() for t in lib.lobpcg(lib.tensor(a), 2, n=3, niter=4)])
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-9)
    values, vectors = tapegrad.lobpcg(tapegrad.tensor(a), 2)
    np.testing.assert_allclose(values.numpy(), np.linalg.eigvalsh(a)[:, :-3:-1], rtol=1e-9)
    np.testing.assert_allclose(a @ vectors.numpy(), vectors.numpy() * values.numpy()[:, None], atol=1e-5)


def test_gradients_are_those_of_eigh() -> None:
    a, _, start = problem()
    for largest in (False, True):
        x, y = (tapegrad.tensor(a, requires_grad=True) for _ in range(2))
        weights = tapegrad.arange(3.0 * M).reshape(M, 3).double()
        e, v = tapegrad.lobpcg(x, 3, X=tapegrad.tensor(start), largest=largest, tol=1e-12, niter=60)
        values, vectors = tapegrad.linalg.eigh((y + y.mT) / 2)
        order = [-1, -2, -3] if largest else [0, 1, 2]
        (e.pow(2).sum() + (v * v * weights).sum()).backward()
        (values[order].pow(2).sum() + (vectors[:, order].pow(2) * weights).sum()).backward()
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-6, atol=1e-6)


def test_a_batch_does_not_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapegrad.func.batches._say_that_it_loops", lambda needed: pytest.fail(str(needed)))
    a, _, start = problem(3)

    def values(a: tapegrad.Tensor) -> tapegrad.Tensor:
        return tapegrad.lobpcg(a, 2, X=tapegrad.tensor(start[0]), niter=8)[0]

    whole = tapegrad.func.vmap(values)(tapegrad.tensor(a))
    assert whole.equal(tapegrad.stack([values(row) for row in tapegrad.tensor(a)]))


def test_a_tracker_sees_each_step_and_can_stop_it() -> None:
    a, _, start = problem()
    steps = []

    def tracker(state: object) -> None:
        steps.append((state.ivars["istep"], state.ivars["converged_count"], state.tvars["rerr"].tolist()))
        state.bvars["force_stop"] = len(steps) == 3
        assert state.X.shape == (M, 4)
        assert state.R.norm() > 0

    tapegrad.lobpcg(tapegrad.tensor(a), X=tapegrad.tensor(start), tracker=tracker)
    assert [step for step, _, _ in steps] == [1, 2, 3]
    assert max(steps[2][2]) < max(steps[0][2])


def test_a_good_preconditioner_saves_steps() -> None:
    a, _, x = problem()
    a_, start = tapegrad.tensor(a), tapegrad.tensor(x)
    used = []
    for inverse in (None, tapegrad.tensor(np.linalg.inv(a))):
        steps: list[int] = []
        how = {"method": "basic", "largest": False, "tol": 1e-6}
        tapegrad.lobpcg(a_, 1, X=start, iK=inverse, tracker=lambda _, steps=steps: steps.append(1), **how)
        used.append(len(steps))
    assert used[1] < used[0]


def test_what_it_refuses() -> None:
    a, b, start = (tapegrad.tensor(x) for x in problem())
    values, _ = tapegrad.lobpcg(a, 1, B=b.requires_grad_(), X=start, niter=5)
    with pytest.raises(ValueError, match="no gradient with B"):
        values.sum().backward()
    with pytest.raises(AssertionError, match="must be equal"):
        tapegrad.lobpcg(a, 1, B=b[:5, :5])
    with pytest.raises(RuntimeError, match="must be equal"):
        tapegrad.lobpcg(a, 1, X=start.float())
    with pytest.raises(ValueError, match="three times as many rows"):
        tapegrad.lobpcg(a, 7)

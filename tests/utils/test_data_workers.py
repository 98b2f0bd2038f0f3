"""torch.utils.data with workers: processes, their seeds, their exceptions, their deaths. Few, and small."""

import multiprocessing
import os
import random
import signal
import time

import numpy as np
import pytest

import tapegrad as torch
from tapegrad.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info
from tapegrad.utils.data._utils.worker import numpy_seed

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the samples are not pickled"),
    pytest.mark.filterwarnings("ignore:DataLoader. num_workers is 2 and there are 1"),
]
FORK = {"multiprocessing_context": "fork"}


class Of(Dataset):
    """What f gives for each index."""

    def __init__(self, f, n=8):
        self.f, self.n = f, n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return self.f(i)


def data(n=10):
    return TensorDataset(torch.arange(2.0 * n).reshape(n, 2), torch.arange(n))


def plain(loader):
    return [[x.tolist() for x in batch] for batch in loader]


def no_children_left():
    end = time.monotonic() + 60
    while multiprocessing.active_children() and time.monotonic() < end:
        time.sleep(0.01)
    return not multiprocessing.active_children()


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_batches_are_those_that_one_process_makes(start):
    torch.manual_seed(5)
    alone = [plain(DataLoader(data(), 3, shuffle=True)) for _ in range(2)]
    after = torch.rand(1)
    torch.manual_seed(5)
    count = 1 if start == "spawn" else 2
    loader = DataLoader(data(), 3, shuffle=True, num_workers=count, multiprocessing_context=start)
    assert [plain(loader) for _ in range(count)] == alone[:count]
    if start == "fork":
        assert torch.equal(torch.rand(1), after)
    assert no_children_left()


def drawn(i):
    return [
        torch.rand(1).item(),
        random.random(),
        np.random.rand(),
        get_worker_info().seed,
        get_worker_info().id,
    ]


def test_seeds_are_torchs():
    theirs = pytest.importorskip("torch")
    from torch.utils.data import DataLoader as Theirs
    from torch.utils.data import get_worker_info as their_info

    def their_drawn(i):
        info = their_info()
        return [theirs.rand(1).item(), random.random(), np.random.rand(), info.seed, info.id]

    options = {"batch_size": None, "num_workers": 2, "multiprocessing_context": "fork"}
    torch.manual_seed(3)
    ours = list(DataLoader(Of(drawn, 4), **options, generator=torch.Generator().manual_seed(9)))
    assert ours == list(Theirs(Of(their_drawn, 4), **options, generator=theirs.Generator().manual_seed(9)))
    assert get_worker_info() is None
    assert numpy_seed(2**40 + 5, 3) == [
        int(x) for x in np.random.SeedSequence([3, 5, 256, 0]).generate_state(4)
    ]


def test_the_worker_info_and_the_init_function():
    def init(worker):
        get_worker_info().dataset.f = lambda i: (worker, get_worker_info().num_workers, i)

    loader = DataLoader(Of(None, 4), None, num_workers=2, worker_init_fn=init, **FORK)
    assert sorted(map(tuple, loader)) == [(0, 2, 0), (0, 2, 2), (1, 2, 1), (1, 2, 3)]


class Share(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        return iter(range(info.id, 7, info.num_workers) if info else range(7))


def test_a_stream_in_parts():
    loader = DataLoader(Share(), 2, num_workers=2, persistent_workers=True, **FORK)
    for _ in range(2):
        assert sorted(x for batch in loader for x in batch.tolist()) == list(range(7))
    del loader
    assert no_children_left()


def test_workers_that_stay():
    loader = DataLoader(Of(lambda i: os.getpid(), 4), None, num_workers=2, persistent_workers=True, **FORK)
    first = set(loader)
    epoch = iter(loader)
    next(epoch)  # and no further
    assert len(first) == 2
    assert set(loader) == first
    other = DataLoader(Of(lambda i: os.getpid(), 4), None, num_workers=2, **FORK)
    assert not set(other) & set(other)


def test_results_in_the_order_in_which_they_come():
    def slow(i):
        if i == 0:
            time.sleep(0.3)
        return i

    assert list(DataLoader(Of(slow, 4), None, num_workers=2, **FORK)) == [0, 1, 2, 3]
    found = list(DataLoader(Of(slow, 4), None, num_workers=2, in_order=False, **FORK))
    assert sorted(found) == [0, 1, 2, 3]
    assert found[0] == 1


def test_large_tasks_and_results_do_not_block_each_other():
    n = 200_000
    dataset = TensorDataset(torch.arange(n))
    batches = [list(range(n)), list(range(n - 1, -1, -1)), [5], list(range(n))]
    found = [
        x for (x,) in DataLoader(dataset, batch_sampler=batches, num_workers=1, prefetch_factor=4, **FORK)
    ]
    assert [x.tolist() for x in found] == batches
    found[0][0] = 7  # writable


def test_a_row_does_not_bring_all_rows():
    from tapegrad.utils.data._utils.worker import _Sender

    x = torch.zeros(1000, 100)
    for given, most in ((x[3], 1000), ([{"a": x[3]}], 1000), (x[:, 5].bfloat16(), 10_000)):
        import io

        file = io.BytesIO()
        _Sender(file, 5).dump(given)
        assert len(file.getvalue()) < most
    loader = DataLoader(
        Of(lambda i: (x[i] + i, torch.ones(2, dtype=torch.bfloat16)), 2), None, num_workers=1, **FORK
    )
    assert [(a.tolist(), b.tolist()) for a, b in loader] == [([float(i)] * 100, [1, 1]) for i in range(2)]


# ---- what goes wrong


class Demanding(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)


def failing(kind):
    class Local(Exception):
        pass

    def f(i):
        if i == 1:
            raise {"ValueError": ValueError, "KeyError": KeyError, "Local": Local}.get(kind, OSError)(
                "no picture 1"
            )
        if i == 3:
            raise Demanding(1, 2)
        return i

    return f


@pytest.mark.parametrize(
    ("kind", "raised"), [("ValueError", ValueError), ("KeyError", KeyError), ("Local", RuntimeError)]
)
def test_exceptions_come_with_their_traceback(kind, raised):
    epoch = iter(DataLoader(Of(failing(kind), 5), None, num_workers=2, **FORK))
    assert next(epoch) == 0
    with pytest.raises(
        raised, match=rf"Caught {kind} in DataLoader worker process 1\.\nOriginal Traceback"
    ) as e:
        next(epoch)
    assert 'raise {"ValueError": ValueError' in str(e.value)
    assert "no picture 1" in str(e.value)
    assert next(epoch) == 2  # the others go on
    with pytest.raises(RuntimeError, match="Caught Demanding"):
        next(epoch)
    assert list(epoch) == [4]
    assert no_children_left()


def test_results_that_cannot_be_sent():
    epoch = iter(DataLoader(Of(lambda i: (lambda: 1) if i == 0 else i, 2), None, num_workers=1, **FORK))
    with pytest.raises(RuntimeError, match=r"(?s)in DataLoader worker process 0.*(pickle|local object)"):
        next(epoch)
    assert list(epoch) == [1]


def test_an_exception_in_the_init_function():
    def init(worker):
        raise ValueError("no camera")

    with pytest.raises(ValueError, match=r"(?s)Caught ValueError in DataLoader worker process 0.*no camera"):
        list(DataLoader(data(), num_workers=1, worker_init_fn=init, **FORK))


@pytest.mark.parametrize(
    ("die", "how"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "killed by SIGKILL"),
        (lambda: os._exit(3), "exit status 3"),
    ],
)
def test_a_worker_that_dies_is_noticed(die, how):
    def f(i):
        if i == 3:
            die()
        return i

    begin = time.monotonic()
    with pytest.raises(RuntimeError, match=rf"a worker \(pid \d+, {how}\) exited unexpectedly"):
        list(DataLoader(Of(f), None, num_workers=2, **FORK))
    assert time.monotonic() - begin < 60  # it does not wait for what will not come
    assert no_children_left()


def test_timeout():
    with pytest.raises(RuntimeError, match=r"no worker gave a batch within 0\.2 seconds"):
        list(DataLoader(Of(lambda i: time.sleep(0.6)), None, num_workers=1, timeout=0.2, **FORK))
    assert no_children_left()
    assert list(DataLoader(Of(lambda i: i, 3), None, num_workers=1, timeout=20, **FORK)) == [0, 1, 2]


def test_an_epoch_that_is_left_ends_its_workers():
    for _ in DataLoader(data(1000), 1, num_workers=2, **FORK):
        break
    assert no_children_left()


def test_loaders_beside_each_other_end_at_once():
    """The workers of the second are forks that have copies of the first one's pipes."""
    first = iter(DataLoader(data(1000), 100, num_workers=2, **FORK))
    second = iter(DataLoader(data(1000), 100, num_workers=2, **FORK))
    next(first), next(second)
    begin = time.monotonic()
    del first
    assert time.monotonic() - begin < 60
    next(second)
    del second
    assert no_children_left()


def test_more_workers_than_processors_warn(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0}, raising=False)
    with pytest.warns(torch.TapegradWarning, match="num_workers is 2 and there are 1 processors"):
        DataLoader(data(), num_workers=2)


def test_no_batches_ahead():
    with pytest.raises(AssertionError, match="prefetch_factor is 0"):
        iter(DataLoader(data(), num_workers=1, prefetch_factor=0))

"""torch.utils.data without workers: what torch gives for the same seed, and what is refused."""

import pickle
from collections import OrderedDict, UserDict, UserList, namedtuple
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

import numpy as np
import pytest

import tapegrad

torch = pytest.importorskip("torch")
LIBRARIES = (tapegrad, torch)
Point = namedtuple("Point", ["x", "y"])


def data_of(t):
    return import_module(f"{t.__name__}.utils.data")


def listed(x):
    """Tensors as (dtype, numbers), in the containers that they are in."""
    if hasattr(x, "tolist") and hasattr(x, "dtype"):
        return str(x.dtype), x.tolist()
    if isinstance(x, Mapping):
        return type(x).__name__, {k: listed(v) for k, v in x.items()}
    if isinstance(x, (list, tuple, UserList)):
        return type(x).__name__, [listed(v) for v in x]
    return x


def in_both(make):
    """What make(library, its utils.data) gives, or the class of what it raises, which is one in both."""
    found = []
    for t in LIBRARIES:
        t.manual_seed(7)
        try:
            found.append((listed(make(t, data_of(t))), t.rand(1).item()))
        except Exception as e:  # noqa: BLE001 # whatever torch raises
            found.append(type(e).__name__)
    assert found[0] == found[1]
    return found[0]


class Squares:
    """A dataset without a base class, of any kind of sample."""

    def __init__(self, n=10, sample=lambda t, i: t.tensor([i * i, i]), t=None):
        self.n, self.sample, self.t = n, sample, t

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return self.sample(self.t, i)


def rows(t, d, n=23):
    return d.TensorDataset(t.arange(2.0 * n).reshape(n, 2), t.arange(n))


# ---- orders


OPTIONS = {
    "plain": {},
    "batches": {"batch_size": 4},
    "the last dropped": {"batch_size": 4, "drop_last": True},
    "shuffled": {"batch_size": 4, "shuffle": True},
    "shuffled and dropped": {"batch_size": 5, "shuffle": True, "drop_last": True},
    "no batches": {"batch_size": None},
    "no batches, shuffled": {"batch_size": None, "shuffle": True},
    "larger than all": {"batch_size": 100, "shuffle": True},
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("generator", [False, True])
def test_order(name, generator):
    def epochs(t, d):
        options = dict(OPTIONS[name])
        if generator:
            options["generator"] = t.Generator().manual_seed(3)
        loader = d.DataLoader(rows(t, d), **options)
        return len(loader), list(loader), list(loader)

    in_both(epochs)


SAMPLERS = {
    "sequential": lambda t, d, s: d.SequentialSampler(s),
    "random": lambda t, d, s: d.RandomSampler(s),
    "some": lambda t, d, s: d.RandomSampler(s, num_samples=5),
    "several rounds": lambda t, d, s: d.RandomSampler(s, num_samples=55),
    "replaced": lambda t, d, s: d.RandomSampler(s, replacement=True, num_samples=70),
    "of a generator": lambda t, d, s: d.RandomSampler(s, generator=t.Generator().manual_seed(1)),
    "of a subset": lambda t, d, s: d.SubsetRandomSampler([3, 5, 20, 1]),
    "weighted": lambda t, d, s: d.WeightedRandomSampler([0.1, 5, 1, 0, 2], 20),
    "weighted, each once": lambda t, d, s: d.WeightedRandomSampler([0.1, 5, 1, 2], 3, replacement=False),
    "batches": lambda t, d, s: d.BatchSampler(d.RandomSampler(s), 4, False),
    "batches dropped": lambda t, d, s: d.BatchSampler(range(10), 4, True),
    "even batches": lambda t, d, s: d.BatchSampler(range(8), 4, False),
    **{
        f"part {rank} of {n}, {drop}": lambda t, d, s, rank=rank, n=n, drop=drop: d.DistributedSampler(
            s, n, rank, drop_last=drop
        )
        for n, rank in ((1, 0), (2, 1), (5, 3), (60, 59))
        for drop in (False, True)
    },
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers(name):
    def drawn(t, d):
        sampler = SAMPLERS[name](t, d, rows(t, d))
        first = list(sampler)
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(2)
        return first, list(sampler), len(sampler)

    in_both(drawn)


def test_samplers_of_a_loader():
    class Backwards:
        def __iter__(self):
            return iter(range(9, -1, -1))

    in_both(lambda t, d: list(d.DataLoader(rows(t, d), 4, sampler=Backwards())))
    in_both(lambda t, d: list(d.DataLoader(rows(t, d), batch_sampler=[[1, 2], [0], [-1, -2]])))
    in_both(lambda t, d: list(d.DataLoader(rows(t, d), batch_sampler=[t.tensor([1, 2]), t.tensor([0])])))
    in_both(lambda t, d: list(d.DataLoader(rows(t, d), sampler=Backwards(), batch_size=None)))
    in_both(lambda t, d: list(d.DataLoader(rows(t, d), 4, sampler=d.SubsetRandomSampler(range(5, 20)))))


def test_interleaved_and_nested_loops():
    def loops(t, d):
        loader = d.DataLoader(rows(t, d, 6), 2, shuffle=True)
        a, b = iter(loader), iter(loader)
        return [next(a), next(b), next(a), [list(loader) for _ in loader], list(a), list(b)]

    in_both(loops)


# ---- datasets


DATASETS = {
    "tensors": lambda t, d: rows(t, d),
    "one tensor": lambda t, d: d.TensorDataset(t.arange(23)),
    "none of them writable": lambda t, d: d.TensorDataset(t.ones(1, 3).expand(23, 3)),
    "dtypes": lambda t, d: d.TensorDataset(
        t.arange(23).to(t.float16), t.arange(23) > 3, t.arange(46.0).reshape(2, 23).t()
    ),
    "a part": lambda t, d: d.Subset(rows(t, d, 50), range(3, 26)),
    "a part of a part": lambda t, d: d.Subset(d.Subset(rows(t, d, 60), range(5, 55)), range(23)),
    "joined": lambda t, d: rows(t, d, 10) + rows(t, d, 13),
    "a part of joined": lambda t, d: d.Subset(rows(t, d, 10) + rows(t, d, 14), range(1, 24)),
    "side by side": lambda t, d: d.StackDataset(rows(t, d), Squares(23, t=t)),
    "side by side, parts": lambda t, d: d.StackDataset(
        d.Subset(rows(t, d), range(23)), d.Subset(Squares(30, t=t), range(23))
    ),
    "named": lambda t, d: d.StackDataset(x=rows(t, d), y=Squares(23, t=t), z=d.Subset(rows(t, d), range(23))),
    "no class": lambda t, d: Squares(23, t=t),
    "a list": lambda t, d: [(i, str(i)) for i in range(23)],
    "an array": lambda t, d: np.arange(46.0).reshape(23, 2),
    "a tensor": lambda t, d: t.arange(46.0).reshape(23, 2),
}


@pytest.mark.parametrize("name", DATASETS)
def test_datasets(name):
    def used(t, d):
        dataset = DATASETS[name](t, d)
        loader = d.DataLoader(dataset, 4, shuffle=True)
        return len(dataset), dataset[0], dataset[22], dataset[-1], list(loader)

    assert isinstance(in_both(used), tuple)


def test_a_tensor_that_needs_a_gradient_keeps_it():
    for t in LIBRARIES:
        d = data_of(t)
        w = t.arange(6.0).requires_grad_()
        (batch,) = next(iter(d.DataLoader(d.TensorDataset(w), 3)))
        batch.sum().backward()
        assert w.grad.tolist() == [1, 1, 1, 0, 0, 0]


def test_batches_have_memory_of_their_own():
    x = tapegrad.arange(6.0)
    d = data_of(tapegrad)
    for batch in (next(iter(d.DataLoader(d.TensorDataset(x), n)))[0] for n in (1, 3, 6)):
        batch += 100
    assert x.tolist() == [0, 1, 2, 3, 4, 5]


def test_batches_of_tensors_are_indexed_at_once(monkeypatch):
    d = data_of(tapegrad)
    rows_taken = []
    original = d.TensorDataset.__getitem__
    counted = d.Subset(rows(tapegrad, d), range(20))
    monkeypatch.setattr(tapegrad.Tensor, "__getitem__", lambda *a: rows_taken.append(a))
    assert len(list(d.DataLoader(counted, 4, shuffle=True))) == 5
    assert rows_taken == []
    assert d.TensorDataset.__getitem__ is original


class Doubled(tapegrad.utils.data.TensorDataset):
    def __getitem__(self, i):
        return tuple(2 * x for x in super().__getitem__(i))


class DoubledSubset(tapegrad.utils.data.Subset):
    def __getitem__(self, i):
        return tuple(2 * x for x in super().__getitem__(i))

    def __getitems__(self, indices):
        return [self[i] for i in indices]


def test_what_subclasses_define_counts():
    d = data_of(tapegrad)
    x = tapegrad.arange(3)
    assert next(iter(d.DataLoader(Doubled(x), 3)))[0].tolist() == [0, 2, 4]
    assert next(iter(d.DataLoader(d.Subset(Doubled(x), [2, 1]), 3)))[0].tolist() == [4, 2]
    assert next(iter(d.DataLoader(DoubledSubset(d.TensorDataset(x), [2, 1]), 3)))[0].tolist() == [4, 2]
    with pytest.raises(NotImplementedError, match="__getitems__ is not"):
        type("Half", (d.Subset,), {"__getitem__": lambda s, i: 0})(d.TensorDataset(x), [0])


def test_what_the_user_changes_in_collating_counts(monkeypatch):
    d = data_of(tapegrad)
    collate = import_module("tapegrad.utils.data._utils.collate")
    monkeypatch.setitem(collate.default_collate_fn_map, tapegrad.Tensor, lambda batch, **_: len(batch))
    assert list(d.DataLoader(rows(tapegrad, d, 4), 4)) == [[4, 4]]


class Counting:
    def __init__(self, t, d, n=10):
        base = d.IterableDataset
        self.made = type("Counts", (base,), {"__iter__": lambda s: iter(range(n)), "__len__": lambda s: n})()


@pytest.mark.parametrize(
    "options", [{}, {"batch_size": 3}, {"batch_size": 3, "drop_last": True}, {"batch_size": None}]
)
def test_datasets_that_only_go_on(options):
    def used(t, d):
        loader = d.DataLoader(Counting(t, d).made, **options)
        return len(loader), list(loader), list(loader)

    in_both(used)
    in_both(lambda t, d: list(d.DataLoader(Counting(t, d).made + Counting(t, d, 5).made, **options)))
    in_both(lambda t, d: len(Counting(t, d).made + Counting(t, d, 5).made))


def test_a_wrong_length_is_noticed():
    for t in LIBRARIES:
        d = data_of(t)
        base = d.IterableDataset
        loader = d.DataLoader(
            type("Liar", (base,), {"__iter__": lambda s: iter(range(4)), "__len__": lambda s: 3})()
        )
        assert len(loader) == 3
        with pytest.warns(UserWarning, match="3"):
            list(loader)


@pytest.mark.parametrize(
    "lengths",
    [[3, 20], [0.5, 0.5], [0.3, 0.3, 0.4], [23], [1.0], [0.1] * 10, [3, 3], [0.5, 0.7], [1.5, -0.5]],
)
@pytest.mark.parametrize("generator", [False, True])
def test_random_split(lengths, generator):
    def split(t, d):
        more = {"generator": t.Generator().manual_seed(42)} if generator else {}
        parts = d.random_split(rows(t, d), lengths, **more)
        return [list(p.indices) for p in parts], list(parts[0]), len(parts[-1])

    in_both(split)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_part_that_is_empty_warns():
    in_both(lambda t, d: [list(p.indices) for p in d.random_split(range(2), [0.4, 0.3, 0.3])])
    with pytest.warns(tapegrad.TapegradWarning, match="is empty"):
        data_of(tapegrad).random_split(range(2), [0.4, 0.3, 0.3])


# ---- batches of samples


SAMPLES = {
    "tensors": lambda t, i: t.ones(2, 3) * i,
    "arrays": lambda t, i: np.full((2,), i, np.int16),
    "NumPy numbers": lambda t, i: np.float32(i),
    "NumPy bools": lambda t, i: np.bool_(i % 2),
    "floats": lambda t, i: i / 2,
    "integers": lambda t, i: i,
    "bools": lambda t, i: i % 2 == 0,
    "texts": lambda t, i: str(i),
    "bytes": lambda t, i: bytes([i]),
    "tuples": lambda t, i: (i, t.tensor(i), "a"),
    "lists": lambda t, i: [i, [t.tensor(i), 2.5]],
    "dictionaries": lambda t, i: {"a": i, "b": {"c": t.tensor([i])}},
    "ordered": lambda t, i: OrderedDict(b=i, a=t.tensor(i)),
    "named tuples": lambda t, i: Point(i, t.tensor([i])),
    "mappings of the user": lambda t, i: UserDict(a=i),
    "read-only mappings": lambda t, i: MappingProxyType({"a": i}),
    "sequences of the user": lambda t, i: UserList([i, 2.0]),
    "ranges": lambda t, i: range(i, i + 2),
    "tensors that differ": lambda t, i: t.ones(i),
    "lengths that differ": lambda t, i: [0] * i,
    "None": lambda t, i: None,
    "objects": lambda t, i: object(),
    "text arrays": lambda t, i: np.array(["a"]),
    "object arrays": lambda t, i: np.array([object()]),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_collate(name):
    sample = SAMPLES[name]
    in_both(lambda t, d: d.default_collate([sample(t, i) for i in range(1, 5)]))
    in_both(lambda t, d: list(d.DataLoader(Squares(7, sample, t), 3)))
    if name not in ("objects", "object arrays", "text arrays"):  # which are as they are, and not equal
        in_both(lambda t, d: d.default_convert(sample(t, 2)))
        in_both(lambda t, d: list(d.DataLoader(Squares(3, sample, t), None)))


def test_collate_fn():
    in_both(lambda t, d: list(d.DataLoader(rows(t, d), 3, collate_fn=lambda batch: [len(batch), batch[0]])))
    in_both(lambda t, d: list(d.DataLoader(rows(t, d), None, collate_fn=lambda sample: sample[1])))
    in_both(lambda t, d: list(d.DataLoader(rows(t, d), 30, True, collate_fn=lambda batch: batch)))


# ---- refused


WRONG = {
    "workers": lambda t, d, s: d.DataLoader(s, num_workers=-1),
    "timeout": lambda t, d, s: d.DataLoader(s, timeout=-1),
    "timeout here": lambda t, d, s: iter(d.DataLoader(s, timeout=1)),
    "prefetch here": lambda t, d, s: d.DataLoader(s, prefetch_factor=2),
    "prefetch": lambda t, d, s: d.DataLoader(s, prefetch_factor=-2, num_workers=1),
    "persistent": lambda t, d, s: d.DataLoader(s, persistent_workers=True),
    "sampler and shuffle": lambda t, d, s: d.DataLoader(s, shuffle=True, sampler=[1]),
    "two samplers": lambda t, d, s: d.DataLoader(s, sampler=[1], batch_sampler=[[1]]),
    "batch sampler and size": lambda t, d, s: d.DataLoader(s, 2, batch_sampler=[[1]]),
    "batch sampler and drop": lambda t, d, s: d.DataLoader(s, drop_last=True, batch_sampler=[[1]]),
    "no batches to drop": lambda t, d, s: d.DataLoader(s, None, drop_last=True),
    "size 0": lambda t, d, s: d.DataLoader(s, 0),
    "size 1.5": lambda t, d, s: d.DataLoader(s, 1.5),
    "size True": lambda t, d, s: d.DataLoader(s, True),
    "drop_last 1": lambda t, d, s: d.BatchSampler(range(3), 2, 1),
    "a context here": lambda t, d, s: d.DataLoader(s, multiprocessing_context="fork"),
    "no context": lambda t, d, s: d.DataLoader(s, num_workers=1, multiprocessing_context="no"),
    "a number as context": lambda t, d, s: d.DataLoader(s, num_workers=1, multiprocessing_context=5),
    "nothing to shuffle": lambda t, d, s: d.DataLoader([], shuffle=True),
    "an order for a stream": lambda t, d, s: d.DataLoader(Counting(t, d).made, shuffle=True),
    "a sampler for a stream": lambda t, d, s: d.DataLoader(Counting(t, d).made, sampler=[1]),
    "batches for a stream": lambda t, d, s: d.DataLoader(Counting(t, d).made, batch_sampler=[[1]]),
    "set after": lambda t, d, s: setattr(d.DataLoader(s), "batch_size", 3),
    "an index": lambda t, d, s: list(d.DataLoader(s, sampler=[99])),
    "an index in a batch": lambda t, d, s: list(d.DataLoader(s, batch_sampler=[[1, 99]])),
    "an empty batch": lambda t, d, s: list(d.DataLoader(s, batch_sampler=[[]])),
    "replacement": lambda t, d, s: d.RandomSampler(s, replacement=1),
    "samples": lambda t, d, s: d.RandomSampler(s, num_samples=0),
    "weights": lambda t, d, s: d.WeightedRandomSampler([[1.0]], 1),
    "weighted samples": lambda t, d, s: d.WeightedRandomSampler([1.0], True),
    "weighted replacement": lambda t, d, s: d.WeightedRandomSampler([1.0], 1, 2),
    "rank": lambda t, d, s: d.DistributedSampler(s, 2, 2),
    "lengths": lambda t, d, s: d.TensorDataset(t.ones(2), t.ones(3)),
    "stacked lengths": lambda t, d, s: d.StackDataset(range(2), range(3)),
    "stacked named lengths": lambda t, d, s: d.StackDataset(a=range(2), b=range(3)),
    "stacked both": lambda t, d, s: d.StackDataset(s, b=s),
    "stacked none": lambda t, d, s: d.StackDataset(),
    "stacked sizes": lambda t, d, s: d.StackDataset(Few()).__getitems__([1, 2]),
    "joined none": lambda t, d, s: d.ConcatDataset([]),
    "joined stream": lambda t, d, s: d.ConcatDataset([Counting(t, d).made]),
    "joined index": lambda t, d, s: (s + s)[-99],
    "chained rows": lambda t, d, s: list(d.ChainDataset([s])),
    "no item": lambda t, d, s: d.Dataset()[0],
    "no iteration": lambda t, d, s: iter(d.Sampler()),
    "no length": lambda t, d, s: len(d.DataLoader(type("S", (d.IterableDataset,), {"__iter__": iter})())),
    "a pickled epoch": lambda t, d, s: pickle.dumps(iter(d.DataLoader(s))),
}


class Few:
    def __len__(self):
        return 5

    def __getitem__(self, i):
        return i

    def __getitems__(self, indices):
        return []


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused(name):
    assert isinstance(in_both(lambda t, d: WRONG[name](t, d, rows(t, d))), str)


def test_names():
    ours, theirs = (set(data_of(t).__all__) for t in LIBRARIES)
    pipes = {n for n in theirs if "ipe" in n or "determin" in n or "validation" in n} | {
        "DataChunk",
        "_DatasetKind",
    }
    assert theirs - ours == pipes
    assert ours <= theirs


@pytest.mark.filterwarnings("ignore:DataLoader. pin_memory")
def test_arguments_that_change_nothing():
    d = data_of(tapegrad)
    loader = d.DataLoader(rows(tapegrad, d), 23, pin_memory=True, pin_memory_device="cpu", in_order=False)
    assert len(next(iter(loader))[0]) == 23
    assert loader.prefetch_factor is None
    assert loader.num_workers == 0
    assert d.get_worker_info() is None

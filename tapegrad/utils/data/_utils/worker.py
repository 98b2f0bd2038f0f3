"""A worker: a process that makes batches. Source: torch.utils.data._utils.worker.

Tasks and results go through two pipes per worker, and nothing in it uses threads. A task is (number,
indices); each gets exactly one answer.
"""

from __future__ import annotations

import io
import pickle
import random
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np

from tapegrad.ops.random import manual_seed
from tapegrad.tensor import Tensor
from tapegrad.utils.data._utils.fetch import Fetching
from tapegrad.utils.data.dataset import IterableDataset


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """What a worker knows: its number, how many there are, its seed, its copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: Any = None
    worker_method: str | None = "multiprocessing"


_worker_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """What the worker that calls this knows; None in the main process."""
    return _worker_info


class Job(NamedTuple):
    """What a worker is told when it starts. closes: pipes of others that a fork has copied into it."""

    fetching: Fetching
    base_seed: int
    init_fn: Callable[[int], Any] | None
    id: int
    num_workers: int
    closes: Sequence[Connection] = ()


class Ended(NamedTuple):
    """The answer of a worker whose IterableDataset has no more samples."""


class Restart(NamedTuple):
    """The task of going through the dataset once more."""


class Failure(NamedTuple):
    """The answer where an exception was raised: its class, and the text of its traceback."""

    kind: type[BaseException]
    text: str

    def error(self) -> BaseException:
        """An exception of that class, to be raised here, with the traceback of there as its message."""
        kind: Any = self.kind
        message: Any = self.text
        if kind is KeyError:
            message = _Said(message)  # a KeyError shows the repr of what it is given
        try:
            made = kind(message=message) if getattr(kind, "message", None) else kind(message)
        except Exception:  # noqa: BLE001 # a class of any kind, which may want other arguments
            return RuntimeError(message)
        assert isinstance(made, BaseException)  # its class is one's
        return made


class _Said(str):
    def __repr__(self) -> str:
        return self


def failure(worker: int) -> Failure:
    """The exception that is being handled."""
    kind = sys.exc_info()[0] or RuntimeError
    where = f"in DataLoader worker process {worker}"
    return Failure(kind, f"Caught {kind.__name__} {where}.\nOriginal {traceback.format_exc()}")


# ---- through a pipe: the head says how long the buffers are that follow


class _Sender(pickle.Pickler):
    """Sends of a tensor the elements it shows, not the whole memory that it is a part of."""

    def reducer_override(self, x: Any) -> Any:
        """How tensors are pickled."""
        if isinstance(x, Tensor) and x.untyped_storage().nbytes() > x.nbytes:
            return x.detach().clone().requires_grad_(x.requires_grad).__reduce_ex__(5)
        return NotImplemented


def send(pipe: Connection, x: Any) -> None:
    """Send an object. Raises: what pickle raises, before anything is sent."""
    buffers: list[pickle.PickleBuffer] = []
    file = io.BytesIO()
    _Sender(file, 5, buffer_callback=buffers.append).dump(x)
    raw = [b.raw() for b in buffers]
    pipe.send_bytes(pickle.dumps((file.getvalue(), [part.nbytes for part in raw])))
    for part in raw:
        if part.nbytes:
            pipe.send_bytes(part)


def receive(pipe: Connection) -> Any:
    """Receive what was sent."""
    head, lengths = pickle.loads(pipe.recv_bytes())
    parts = [np.empty(n, np.uint8) for n in lengths]
    for part in parts:
        if part.nbytes:
            pipe.recv_bytes_into(part.data)
    return pickle.loads(head, buffers=parts)


# ---- the process


def work(job: Job, tasks: Connection, results: Connection) -> None:
    """What a worker does, until there are no more tasks or its parent has gone."""
    for pipe in job.closes:
        pipe.close()
    with suppress(
        KeyboardInterrupt, EOFError, BrokenPipeError, ConnectionResetError
    ):  # nobody waits for more
        _work(job, tasks, results)


def _work(job: Job, tasks: Connection, results: Connection) -> None:
    global _worker_info
    seed = job.base_seed + job.id
    random.seed(seed)
    manual_seed(seed)
    np.random.seed(numpy_seed(job.base_seed, job.id))
    _worker_info = WorkerInfo(job.id, job.num_workers, seed, job.fetching.dataset)
    fetch = _started(job, job.init_fn)
    while True:
        number, indices = pickle.loads(tasks.recv_bytes())
        if isinstance(indices, Restart):
            fetch = _started(job, None)
            continue
        answer = fetch if isinstance(fetch, Failure) else _answer(job, fetch, indices)
        try:
            send(results, (number, answer))
        except (TypeError, AttributeError, ValueError, pickle.PicklingError):
            failed = answer if isinstance(answer, Failure) else failure(job.id)
            send(results, (number, Failure(RuntimeError, failed.text)))


def _started(job: Job, init_fn: Callable[[int], Any] | None) -> Any:
    """What fetches batches; or what went wrong, which is then the answer to every task."""
    try:
        if init_fn is not None:
            init_fn(job.id)
        return job.fetching.start()
    except Exception:  # noqa: BLE001 # the user's code raises what it likes; it is raised again over there
        return failure(job.id)


def _answer(job: Job, fetch: Callable[[Any], Any], indices: Any) -> Any:
    try:
        return fetch(indices)
    except StopIteration:
        if isinstance(job.fetching.dataset, IterableDataset):
            return Ended()
        return failure(job.id)
    except Exception:  # noqa: BLE001 # the user's code raises what it likes; it is raised again over there
        return failure(job.id)


def numpy_seed(base_seed: int, worker: int) -> list[int]:
    """Four numbers that seed a worker's numpy.random, as torch makes them.

    Source: numpy.random.SeedSequence, with (worker, base_seed) as its entropy.
    """
    entropy = [worker, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
    return [int(x) for x in np.random.SeedSequence(entropy).generate_state(4)]

"""The workers of one loader, as the main process sees them."""

from __future__ import annotations

import os
import pickle
import signal
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any
from weakref import WeakSet

from tapegrad.utils.data._utils.fetch import Fetching
from tapegrad.utils.data._utils.worker import Ended, Failure, Job, Restart, receive, work

_ROOM = 8192  # bytes of tasks that a pipe surely takes while its worker is busy
_PATIENCE = 5.0  # seconds for a worker to finish its batch when nobody wants it any more
_SKIPPED = object()
# Our ends of all pipes. A fork copies them; a worker that kept them would hide from others that we are gone.
_OURS: WeakSet[Connection] = WeakSet()


class _Worker:
    """A process, its pipes, and the tasks that it has not answered yet."""

    def __init__(self, context: Any, job: Job) -> None:
        there, self.tasks = context.Pipe(duplex=False)
        self.results, back = context.Pipe(duplex=False)
        _OURS.update((self.tasks, self.results))
        if context.get_start_method() == "fork":
            job = job._replace(closes=[pipe for pipe in _OURS if not pipe.closed])
        self.process = context.Process(target=work, args=(job, there, back), daemon=True)
        self.process.start()
        there.close()
        back.close()
        self.ended = False
        self._waiting: deque[bytes] = deque()
        self.unanswered: deque[int] = deque()  # sizes of the tasks that the pipe has, or had

    def give(self, number: int, indices: Any) -> None:
        """A task, to be sent as soon as that cannot block: a worker reads only while it does not write."""
        self._waiting.append(pickle.dumps((number, indices)))
        self._send()

    def _send(self) -> None:
        while self._waiting:
            size = len(self._waiting[0])
            if self.unanswered and sum(self.unanswered) + size > _ROOM:
                return
            self.unanswered.append(size)
            with suppress(BrokenPipeError, ConnectionResetError):  # it has died, which `receive` finds out
                self.tasks.send_bytes(self._waiting.popleft())

    def receive(self) -> Any:
        """(number, answer). Raises: EOFError, OSError if it has died."""
        found = receive(self.results)
        self.unanswered.popleft()
        self._send()
        return found

    def restart(self) -> None:
        """Have it begin its dataset anew; that task has no answer."""
        self.ended = False
        with suppress(BrokenPipeError, ConnectionResetError):
            self.tasks.send_bytes(pickle.dumps((0, Restart())))

    def end_of(self) -> str:
        """How its process ended."""
        self.process.join(1)
        code = self.process.exitcode
        how = f"killed by {signal.Signals(-code).name}" if code and code < 0 else f"exit status {code}"
        return f"pid {self.process.pid}, {how}"


class Workers:
    """The workers of one loader, and which task each has. Tasks are numbered; their answers come in order,
    unless in_order is False."""

    def __init__(
        self,
        context: Any,
        fetching: Fetching,
        base_seed: int,
        init_fn: Callable[[int], Any] | None,
        count: int,
        timeout: float,
        in_order: bool,
    ) -> None:
        self._workers: list[_Worker] = []
        self._process = os.getpid()
        self._timeout, self._in_order = timeout, in_order
        try:
            for i in range(count):
                self._workers.append(_Worker(context, Job(fetching, base_seed, init_fn, i, count)))
        except BaseException:
            self.close()
            raise
        self._sent = self._taken = self._turn = 0
        self._arrived: dict[int, Any] = {}

    def restart(self) -> None:
        """End the epoch: wait for what is on its way, and have the workers begin their datasets anew."""
        while any(w.unanswered for w in self._workers):
            self._receive(lambda: None)
        for w in self._workers:
            w.restart()
        self._sent = self._taken = self._turn = 0
        self._arrived.clear()

    def give(self, indices: Any) -> None:
        """A task for the next worker whose dataset has not ended; none if all have."""
        for _ in self._workers:
            w = self._workers[self._turn % len(self._workers)]
            self._turn += 1
            if not w.ended:
                w.give(self._sent, indices)
                self._sent += 1
                return

    def next(self, more: Callable[[], None]) -> Any:
        """The next batch. more: gives another task, if there is one.

        Raises: StopIteration at the end; RuntimeError if a worker has died or takes too long; what a worker
        has raised.
        """
        while self._taken < self._sent:
            if self._taken in self._arrived:
                found = self._arrived.pop(self._taken)
                self._taken += 1
            else:
                number, found = self._receive(more)
                if number != self._taken and (self._in_order or found is _SKIPPED):
                    self._arrived[number] = found
                    continue
                if number == self._taken:
                    self._taken += 1
                else:
                    self._arrived[number] = _SKIPPED  # it goes out before its turn
            if found is _SKIPPED:
                continue
            more()
            if isinstance(found, Failure):
                raise found.error()
            return found
        raise StopIteration

    def _receive(self, more: Callable[[], None]) -> tuple[int, Any]:
        """An answer from any worker; of one whose dataset has ended, that there is nothing."""
        busy = {w.results: w for w in self._workers if w.unanswered}
        dying = {w.process.sentinel: w for w in busy.values()}
        ready = wait([*busy, *dying], self._timeout or None)
        if not ready:
            self.close()
            raise RuntimeError(
                f"DataLoader: no worker gave a batch within {self._timeout} seconds; raise timeout=, or look "
                "for what is slow in the dataset."
            )
        w = next((busy[r] for r in ready if r in busy), None)
        try:
            if w is None:
                w = dying[ready[0]]  # a sentinel, since it is no pipe
                raise EOFError
            number, found = w.receive()
        except (EOFError, OSError) as e:
            assert w is not None  # set above
            message = f"DataLoader: a worker ({w.end_of()}) exited unexpectedly, without an exception."
            self.close()
            raise RuntimeError(message) from e
        if not isinstance(found, Ended):
            return number, found
        if not w.ended:
            w.ended = True
            more()
        return number, _SKIPPED

    def close(self) -> None:
        """End the processes."""
        workers, self._workers = self._workers, []
        if os.getpid() != self._process:
            return  # this is a copy that a fork has made
        for w in workers:
            w.tasks.close()  # which a worker that waits notices
            w.results.close()  # and this, one that has a batch
        for w in workers:
            w.process.join(_PATIENCE)
            if w.process.is_alive():
                w.process.terminate()
                w.process.join()

    def __del__(self) -> None:
        self.close()

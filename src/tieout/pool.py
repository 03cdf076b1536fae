"""Run many independent jobs through a concurrent.futures executor, so that none is lost and none comes twice.

By default worker processes of this machine do them, with `scheduler` the workers of a Dask cluster. The notes on what
executors do not see to by themselves:

- An executor's workers outlive a parent that was killed. Each worker here watches a pipe that only the parent holds open.
- A worker that is killed while it writes a long result into the executor's pipe leaves its reader waiting for ever. Results
  go through files; only their names, shorter than what a pipe takes at once, go through the pipe.
- A process that dies breaks the whole pool, and Dask blames every job that was waiting on that worker. The jobs that were
  in flight are tried again, one at a time, so that only the guilty one fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib
import logging
import multiprocessing
import os
import pickle
import pkgutil
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse
import uuid
import warnings
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import connection, forkserver, resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tieout import __version__
from tieout.errors import TieoutError, some_of

if TYPE_CHECKING:
    from distributed import Client

ANSWER = 5.0
"""Seconds in which a scheduler must answer, and must have a worker."""
PATIENCE = 20.0
"""Seconds for which a cluster at work may be without workers (they restart) or without an answer."""
GRACE = 5.0
"""Seconds that a begun job has to finish when the run was stopped."""
GLANCE = 1.0
"""Seconds between two looks at the cluster."""
ROUND = 100
"""Jobs after which a worker process gives way to a new one: what Typst and matplotlib keep would grow without end."""
DIED = "its worker process died twice"

_one_at_a_time = threading.Lock()  # matplotlib and Typst's fonts are one per process, and Dask workers may have threads
_let_go = threading.Event()


@dataclass(frozen=True)
class Done:
    """A job that is finished: what its function returned, or why it failed (then `result` is None)."""

    name: str
    result: Any = None
    error: str = ""


@dataclass(frozen=True)
class _Place:
    """Where jobs are done: how one gets there, how its answer is read, how many at once, and why it is no more."""

    submit: Callable[[bytes], Future[Any]]
    answer: Callable[[Any], bytes]
    width: Callable[[], int]
    gone: Callable[[], str]
    death: type[BaseException]


def run(
    function: Callable[[Any], Any],
    jobs: Mapping[str, Any],
    *,
    workers: int = 0,
    scheduler: str = "",
    imports: Sequence[str] = (),
) -> Iterator[Done]:
    """Yield each job once as `function(job)` finishes, in the order of finishing.

    function: of a module's top level. jobs: by name; one that is callable is called for the job when its turn comes, so that
    only a few are in memory at once. workers: processes, 0 for one a core. scheduler: tcp://host:port of a Dask scheduler,
    instead of processes. imports: modules that workers load before their first job, besides the function's own.
    A job that raises, or that kills its worker twice, is yielded with an error; the others go on. Leaving the loop early,
    or Ctrl-C, cancels what is not begun and ends the processes.
    Raises TieoutError for a scheduler that cannot be used.
    """
    if scheduler:
        return _on_cluster(function, jobs, scheduler)
    return _on_processes(function, jobs, workers or os.cpu_count() or 1, (function.__module__, *imports))


def check(scheduler: str) -> None:
    """Raise TieoutError where a Dask scheduler cannot be used, before much is computed for it."""
    with _cluster(scheduler):
        pass


def _on_processes(
    function: Callable[[Any], Any], jobs: Mapping[str, Any], workers: int, imports: Sequence[str]
) -> Iterator[Done]:
    waiting = deque(jobs)
    while waiting:
        taken = deque(waiting.popleft() for _ in range(min(len(waiting), ROUND * workers)))
        with _processes(workers, imports) as place:
            suspects = deque((yield from _drained(place, function, jobs, taken)))
        waiting.extendleft(reversed(taken))  # what was not begun when the pool broke
        deaths: Counter[str] = Counter()  # of jobs on their own: only these are certain
        while suspects:
            with _processes(1, imports) as place:
                guilty = yield from _drained(place, function, jobs, suspects, 1)
            deaths.update(guilty)
            suspects.extendleft(name for name in guilty if deaths[name] < 2)
            yield from _failed((name for name in guilty if deaths[name] == 2), DIED)


def _on_cluster(function: Callable[[Any], Any], jobs: Mapping[str, Any], address: str) -> Iterator[Done]:
    with _cluster(address) as place:
        suspects = yield from _drained(place, function, jobs, deque(jobs))
        guilty = yield from _drained(place, function, jobs, deque(suspects), 1)
    yield from _failed(guilty, DIED)


def _drained(
    place: _Place, function: Callable[[Any], Any], jobs: Mapping[str, Any], names: deque[str], width: int = 0
) -> Generator[Done, None, list[str]]:
    """Take jobs from `names` to `place` until there are none, or until it broke; return those whose worker died."""
    flying: dict[Future[Any], str] = {}
    lost: list[str] = []
    broken = False
    while flying or (names and not broken):
        while names and not broken and len(flying) < (width or place.width()):
            name = names.popleft()
            try:
                flying[place.submit(_parcel(function, jobs[name]))] = name
            except BrokenExecutor:
                names.appendleft(name)
                broken = True
            except Exception as error:
                yield Done(name, error=told(error))
        finished, _ = wait(flying, timeout=GLANCE, return_when=FIRST_COMPLETED)
        if why := place.gone():
            yield from _failed((*lost, *flying.values(), *names), why)
            names.clear()
            return []
        for future in finished:
            name = flying.pop(future)
            fault = CancelledError() if future.cancelled() else future.exception()
            broken = broken or isinstance(fault, BrokenExecutor)
            if isinstance(fault, (place.death, CancelledError)):
                lost.append(name)
            else:
                yield _done(name, place, future)
    return lost


def _failed(names: Iterable[str], error: str) -> Iterator[Done]:
    return (Done(name, error=error) for name in names)


def _parcel(function: Callable[[Any], Any], job: Any) -> bytes:
    """Return a call as bytes: Dask would look into anything else for tasks of its own."""
    return pickle.dumps((function, job() if callable(job) else job))


def _done(name: str, place: _Place, future: Future[Any]) -> Done:
    try:
        return Done(name, *pickle.loads(place.answer(future.result())))
    except Exception as error:
        return Done(name, error=told(error))


def told(error: BaseException) -> str:
    """Return an error as text that is safe to show: nothing of what an unexpected one says, which may be patients' data."""
    if isinstance(error, TieoutError):
        return str(error)
    where = traceback.extract_tb(error.__traceback__)[-1:]
    place = "".join(f" at {Path(frame.filename).name}:{frame.lineno}" for frame in where)
    why = ""
    if isinstance(error, OSError) and error.errno in errno.errorcode:
        why = f": {os.strerror(error.errno or 0)}"
    if isinstance(error, ImportError) and error.name:
        why = f": {error.name}"
    return f"stopped by an unexpected {type(error).__name__}{why}{place}"


def attempt(parcel: bytes) -> bytes:
    """Do a job where a worker is: a pickled (function, job) in, a pickled (result, error text) out."""
    with _one_at_a_time:
        try:
            function, job = pickle.loads(parcel)
            return pickle.dumps((function(job), ""))
        except (Exception, SystemExit) as error:
            return pickle.dumps((None, told(error)))


# --- processes of this machine


@contextlib.contextmanager
def _processes(workers: int, imports: Sequence[str]) -> Iterator[_Place]:
    """Open a pool of processes; on leaving, what is begun finishes (or is ended after GRACE) and nothing else begins."""
    context = _context(imports)
    held, hand = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(prefix="tieout-", ignore_cleanup_errors=True) as spool:
        executor = ProcessPoolExecutor(workers, context, _settle_in, (held, spool, imports))
        try:
            yield _Place(
                lambda parcel: executor.submit(_attempt_to_file, parcel, spool),
                _taken, lambda: 2 * workers, lambda: "", BrokenExecutor,
            )  # fmt: skip
        finally:
            hand.close()
            executor.shutdown(cancel_futures=True)
            held.close()


def _context(imports: Sequence[str]) -> multiprocessing.context.BaseContext:
    """Return how workers start. Typst's threads do not survive a fork of this process; a forkserver imports once for all
    workers, but has libraries loaded when it forks, which only Linux takes well.
    """
    if sys.platform == "linux":
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["__main__", *imports])
        with contextlib.suppress(OSError):  # the folder for temporary files has a name too long for a socket
            _start_forkserver(context)
            return context
    return multiprocessing.get_context("spawn")


def _start_forkserver(context: multiprocessing.context.BaseContext) -> None:
    """Start it deaf to Ctrl-C, as its workers will be, and wait until it can fork: the executor's own wait leaves a
    worker behind when it is interrupted.
    """
    resource_tracker.ensure_running()  # else started below, and that lets Ctrl-C through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    ready = context.Process(target=int)  # type: ignore[attr-defined]
    ready.start()
    ready.join()


def _settle_in(held: connection.Connection, spool: str, imports: Sequence[str]) -> None:
    """Prepare a worker process. What cannot be imported here shows in the job that needs it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the parent says what happens
    tempfile.tempdir = spool  # so that what a killed worker leaves behind, which may be patients' data, goes too
    threading.Thread(target=_watch, args=(held, spool), daemon=True).start()
    for module in imports:
        with contextlib.suppress(Exception):
            importlib.import_module(module)


def _watch(held: connection.Connection, spool: str) -> None:
    """End this worker when nobody holds the other end of the pipe: the parent died, or it stopped and this does not."""
    connection.wait([held])
    _let_go.set()
    if parent := multiprocessing.parent_process():
        parent.join(GRACE)
    _one_at_a_time.acquire(timeout=GRACE)
    shutil.rmtree(spool, ignore_errors=True)
    os._exit(1)


def _attempt_to_file(parcel: bytes, spool: str) -> str:
    if _let_go.is_set():
        return ""
    answer = Path(spool, uuid.uuid4().hex)
    answer.write_bytes(attempt(parcel))
    return str(answer)


def _taken(answer: str) -> bytes:
    path = Path(answer)
    try:
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)


# --- a Dask cluster


@contextlib.contextmanager
def _cluster(address: str) -> Iterator[_Place]:
    """Connect to a Dask scheduler whose workers have this version of Tieout; on leaving, cancel what is not begun."""
    _check_address(address)
    try:
        import distributed
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise TieoutError("--scheduler", "Dask is not installed", "pip install tieout[dask]") from None
    _quieten()
    try:
        asyncio.run(asyncio.wait_for(_asked(address), ANSWER))
        client = distributed.Client(address, timeout=ANSWER, set_as_default=False, name="tieout")
    except Exception:  # refused, silent, another kind of server, a mismatch of versions: all the same to the reader
        problem = f"no Dask scheduler answers at {address}"
        raise TieoutError("--scheduler", problem, f"start one with: dask scheduler --port {_port(address)}") from None
    executor = client.get_executor(pure=False)
    try:
        _check_workers(client, address)
        cluster = _Cluster(client, address)
        yield _Place(
            lambda parcel: executor.submit(attempt, parcel),
            lambda answer: answer, cluster.width, cluster.gone, KilledWorker,
        )  # fmt: skip
    finally:
        with contextlib.suppress(Exception):
            executor.shutdown(wait=False)
        with contextlib.suppress(Exception):
            client.close(timeout=ANSWER)


async def _asked(address: str) -> None:
    """Ask a scheduler who it is: the Client's own time limit ends when somebody takes the call, and says nothing."""
    import distributed

    security = distributed.Security().get_connection_args("client")
    async with distributed.rpc(address, timeout=ANSWER, connection_args=security) as server:
        if (await server.identity())["type"] != "Scheduler":
            raise ConnectionError


def _port(address: str) -> int | None:
    return urllib.parse.urlsplit(address).port


def _check_address(address: str) -> None:
    try:
        parts = urllib.parse.urlsplit(address)
        good = parts.scheme in ("tcp", "tls") and parts.hostname and parts.port and not parts.path.strip("/")
    except ValueError:
        good = False
    if not good:
        raise TieoutError("--scheduler", f"'{address}' is not the address of a Dask scheduler", "write tcp://host:8786")


def _quieten() -> None:
    """Keep Dask's log and warnings off the terminal: they are for who runs the cluster, and it has them."""
    for name in ("distributed", "tornado", "asyncio"):
        for each in (name, *(known for known in logging.root.manager.loggerDict if known.startswith(f"{name}."))):
            logging.getLogger(each).setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", module="distributed")


def _check_workers(client: Client, address: str) -> None:
    """Raise TieoutError unless there are workers, and they and the scheduler have this version of Tieout."""
    with contextlib.suppress(Exception):
        client.wait_for_workers(1, timeout=ANSWER)
    try:
        workers = client.sync(_versions, client, callback_timeout=ANSWER)
        scheduler = client.sync(_scheduler_version, client, callback_timeout=ANSWER)
    except Exception:
        problem = f"the Dask scheduler at {address} answers, but not all its workers do"
        raise TieoutError("--scheduler", problem, "look at its log, and restart the workers") from None
    if not workers:
        raise TieoutError("--scheduler", f"the Dask scheduler at {address} has no workers", f"dask worker {address}")
    versions = {"the scheduler": scheduler, **{f"worker {name}": found for name, found in workers.items()}}
    other = [
        f"{name} has {'no tieout that can be imported' if isinstance(found, Exception) else found}"
        for name, found in versions.items()
        if found != __version__
    ]
    if other:
        problem = f"a cluster needs tieout {__version__} everywhere: {some_of(other, 3)}"
        raise TieoutError("--scheduler", problem, f"pip install tieout=={__version__} there, and restart them")


async def _versions(client: Client) -> dict[str, Any]:
    """Ask by functions of the standard library, which workers without Tieout have too."""
    found = await client.run(pkgutil.resolve_name, "tieout:__version__", on_error="return")
    return dict(found)


async def _scheduler_version(client: Client) -> Any:
    try:
        return await client.run_on_scheduler(pkgutil.resolve_name, "tieout:__version__")
    except (ImportError, AttributeError) as error:
        return error


class _Cluster:
    """What was last seen of a cluster: its threads, and since when it has had none or not answered."""

    def __init__(self, client: Client, address: str) -> None:
        self.client, self.address = client, address
        self.threads, self.looked, self.well = 1, 0.0, time.monotonic()

    def look(self) -> None:
        now = time.monotonic()
        if now - self.looked < GLANCE:
            return
        try:
            self.threads = sum(self.client.sync(self.client.nthreads, callback_timeout=ANSWER).values())
        except Exception:
            self.threads = 0
        self.looked = time.monotonic()
        if self.threads:
            self.well = self.looked

    def width(self) -> int:
        self.look()
        return 2 * max(self.threads, 1)

    def gone(self) -> str:
        """Return why nothing more can be expected, or nothing."""
        if self.client.status in ("closing", "closed"):  # it tried to connect again for ANSWER seconds
            return f"the connection to the Dask scheduler at {self.address} was lost"
        self.look()
        if time.monotonic() - self.well > PATIENCE:
            return f"the Dask scheduler at {self.address} has had no workers for {PATIENCE:.0f} seconds"
        return ""

"""Jobs come back once each, whatever happens to the processes that do them: of this machine, or of a Dask cluster."""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pool_tasks
import pytest

from tieout import __version__, pool
from tieout.errors import TieoutError

linux = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
PATIENCE = 20
HERE = Path(__file__).parent


def results(done: Iterator[pool.Done]) -> dict[str, object]:
    """Return results by name; fails when a job came twice or failed."""
    found = list(done)
    assert [each.error for each in found if each.error] == []
    assert max(Counter(each.name for each in found).values()) == 1
    return {each.name: each.result for each in found}


def errors(done: Iterator[pool.Done]) -> dict[str, str]:
    return {each.name: each.error for each in done}


def eventually(true: Callable[[], object], seconds: float = PATIENCE) -> bool:
    end = time.monotonic() + seconds
    while not (found := bool(true())) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def heedful() -> None:
    """Let Ctrl-C through: a shell starts what runs in its background deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def alive(pid: int) -> bool:
    """Tell whether a process lives; one that ended and that nobody asked about does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        if sys.platform == "linux":
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# --- processes of this machine


def test_every_job_comes_back_once_with_its_result():
    jobs = {f"site {n}": n for n in range(25)}
    assert results(pool.run(pool_tasks.double, jobs, workers=2)) == {name: 2 * n for name, n in jobs.items()}


def test_no_jobs_are_no_work():
    assert list(pool.run(pool_tasks.double, {}, workers=2)) == []


def test_workers_give_way_to_new_ones_after_a_number_of_jobs(monkeypatch):
    monkeypatch.setattr(pool, "ROUND", 3)
    pids = results(pool.run(pool_tasks.sleep, dict.fromkeys("abcdefgh", 0.0), workers=1))
    assert sorted(Counter(pids.values()).values()) == [2, 3, 3]


def test_jobs_come_in_the_order_of_finishing():
    names = [each.name for each in pool.run(pool_tasks.sleep, {"slow": 1.5, "quick": 0.0, "soon": 0.1}, workers=2)]
    assert names == ["quick", "soon", "slow"]


def test_only_a_few_jobs_are_made_ahead():
    made: list[int] = []

    def job(n: int) -> int:
        made.append(n)
        return n

    jobs = {str(n): (lambda n=n: job(n)) for n in range(40)}
    ahead = [len(made) - finished for finished, _ in enumerate(pool.run(pool_tasks.double, jobs, workers=2))]
    assert sorted(made) == list(range(40))
    assert max(ahead) <= 4


def test_a_job_that_cannot_be_made_fails_alone():
    def broken() -> int:
        raise ValueError("r-017")

    found = errors(pool.run(pool_tasks.double, {"bad": broken, "good": 1}, workers=1))
    assert found["good"] == ""
    assert "ValueError" in found["bad"] and "r-017" not in found["bad"]


def test_errors_are_told_without_traceback_and_without_values():
    ways = ("input", "value", "disk", "exit", "unsendable", "unreadable", "fine")
    found = errors(pool.run(pool_tasks.stumble, {way: way for way in ways}, workers=2))
    assert found.pop("fine") == ""
    assert found["input"] == "data.csv:7  the age is missing\n    add it"
    assert found["value"].startswith("stopped by an unexpected ValueError at pool_tasks.py:")
    assert "No space left on device" in found["disk"]
    assert "SystemExit" in found["exit"]
    assert "TypeError" in found["unsendable"]
    assert "ValueError" in found["unreadable"]
    assert not any("r-017" in error or "Traceback" in error for error in found.values())


def test_a_job_that_cannot_be_sent_fails_alone():
    found = errors(pool.run(pool_tasks.double, {"lock": threading.Lock(), "good": 1}, workers=1))
    assert found["good"] == "" and "TypeError" in found["lock"]


@linux
def test_a_worker_that_is_killed_loses_nothing_and_leaves_no_files(tmp_path):
    jobs = {str(n): (str(tmp_path / str(n)), 1 if n == 5 else 0) for n in range(12)}
    assert results(pool.run(pool_tasks.die, jobs, workers=2)) == {name: name for name in jobs}
    assert (tmp_path / "5").read_text() == ".."
    places = [Path(path.read_text()) for path in tmp_path.glob("*.place")]
    assert len(places) == 12 and not any(place.exists() for place in places)


@linux
def test_jobs_that_kill_their_worker_twice_are_named_and_the_others_finish(tmp_path):
    jobs = {str(n): (str(tmp_path / str(n)), 9 if n in (2, 3) else 0) for n in range(8)}
    found = [*pool.run(pool_tasks.die, jobs, workers=2)]
    assert sorted(each.name for each in found) == sorted(jobs)
    assert {each.name: each.error for each in found if each.error} == {name: pool.DIED for name in ("2", "3")}
    assert all((tmp_path / name).read_text() in ("..", "...") for name in ("2", "3"))


def test_what_goes_through_the_pipe_is_written_at_once_however_large_the_result(tmp_path):
    """A longer message could be cut by a kill -9, and the executor would wait for its rest for ever."""
    sent = pool._attempt_to_file(pickle.dumps((pool_tasks.megabytes, 3)), str(tmp_path))
    assert len(pickle.dumps(sent)) < 512
    assert pickle.loads(pool._taken(sent)) == (bytes(3_000_000), "")
    assert list(tmp_path.iterdir()) == []


def script(tmp_path: Path, temporary: Path, seconds: float, jobs: int = 12) -> str:
    """Return a program that runs jobs of so many seconds on two workers, and tells what is done."""
    return f"""
import pool_tasks, tempfile
from tieout import pool
tempfile.tempdir = {str(temporary)!r}
if __name__ == "__main__":
    jobs = {{str(n): ({str(tmp_path)!r} + f"/{{n}}.begun", {seconds}) for n in range({jobs})}}
    for done in pool.run(pool_tasks.mark, jobs, workers=2):
        print(done.name, done.error, flush=True)
"""


@contextlib.contextmanager
def running(tmp_path: Path, seconds: float) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """Start the program in a process group of its own; give it and the process ids of its workers, which are at work.

    Its temporary files lie in a folder with a short name, as a socket among them needs.
    """
    temporary = Path(tempfile.mkdtemp())
    (tmp_path / "temporary").symlink_to(temporary)
    program = tmp_path / "program.py"
    program.write_text(script(tmp_path, temporary, seconds))
    parent = subprocess.Popen(
        [sys.executable, str(program)], env={**os.environ, "PYTHONPATH": str(HERE)}, start_new_session=True, preexec_fn=heedful,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        begun = lambda: [int(text) for path in tmp_path.glob("*.begun") if (text := path.read_text())]  # noqa: E731
        assert eventually(lambda: len(set(begun())) == 2)
        yield parent, [*set(begun())]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)
        parent.communicate()
        shutil.rmtree(temporary, ignore_errors=True)


@linux
def test_a_folder_for_temporary_files_with_a_long_name_is_no_obstacle(tmp_path):
    long = tmp_path / ("x" * 90)
    long.mkdir()
    program = tmp_path / "program.py"
    program.write_text(script(tmp_path, long, 0.0, jobs=3))
    done = subprocess.run([sys.executable, str(program)], env={**os.environ, "PYTHONPATH": str(HERE)}, capture_output=True, text=True)
    assert sorted(done.stdout.split()) == ["0", "1", "2"], done.stderr


@linux
def test_workers_end_with_a_parent_that_was_killed(tmp_path):
    with running(tmp_path, 1.0) as (parent, workers):
        parent.kill()
        parent.wait()
        assert eventually(lambda: not any(alive(pid) for pid in workers))
        assert len(list(tmp_path.glob("*.begun"))) <= 4
        assert list((tmp_path / "temporary").glob("tieout-*")) == []


@linux
def test_a_worker_whose_job_never_ends_does_not_outlive_its_parent(tmp_path):
    with running(tmp_path, 3600.0) as (parent, workers):
        parent.kill()
        parent.wait()
        assert eventually(lambda: not any(alive(pid) for pid in workers))


@linux
def test_control_c_finishes_what_is_begun_begins_nothing_and_leaves_no_process(tmp_path):
    with running(tmp_path, 1.0) as (parent, workers):
        begun = len(list(tmp_path.glob("*.begun")))
        os.killpg(parent.pid, signal.SIGINT)
        _, told = parent.communicate(timeout=PATIENCE)
        assert parent.returncode != 0
        assert told.count("Traceback") == 1 and "KeyboardInterrupt" in told, told
        assert begun <= len(list(tmp_path.glob("*.ended"))) == len(list(tmp_path.glob("*.begun"))) <= 4
        assert not any(alive(pid) for pid in workers)
        assert list((tmp_path / "temporary").iterdir()) == []


@linux
def test_control_c_while_workers_still_start_tells_it_once_and_leaves_no_process(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import pool_tasks\nfrom tieout import pool\n"
        "if __name__ == '__main__':\n"
        "    print('begins', flush=True)\n"
        "    list(pool.run(pool_tasks.sleep, dict.fromkeys('abcdefgh', 1), workers=2, imports=['tieout.sites']))\n"
    )
    parent = subprocess.Popen(
        [sys.executable, str(program)], env={**os.environ, "PYTHONPATH": str(HERE)}, start_new_session=True, preexec_fn=heedful,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout is not None and parent.stdout.readline() == "begins\n"
    time.sleep(0.3)
    os.killpg(parent.pid, signal.SIGINT)
    _, told = parent.communicate(timeout=PATIENCE)  # which also waits for everybody who could write there
    assert told.count("Traceback") == 1 and "KeyboardInterrupt" in told, told


def test_leaving_the_loop_early_ends_the_processes():
    with contextlib.closing(pool.run(pool_tasks.sleep, dict.fromkeys("abcdefgh", 0.1), workers=2)) as done:
        worker = next(done).result
        assert alive(worker)
    assert not alive(worker)


# --- a Dask cluster


def dask(command: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    pytest.importorskip("distributed")
    paths = os.pathsep.join(filter(None, (environment.pop("first", ""), str(HERE))))
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.dask_{command}", *arguments, "--no-dashboard"],
        env={**os.environ, "PYTHONPATH": paths, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, text=True,
    )  # fmt: skip


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def scheduler(**environment: str) -> Iterator[tuple[str, Callable[..., subprocess.Popen[str]], subprocess.Popen[str]]]:
    """Start a scheduler on loopback; give its address, a way to start workers, and its process."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    own = ("--host", "127.0.0.1", "--port", str(port), "--idle-timeout", "120")
    started = [dask("scheduler", *own, **environment)]

    def worker(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        place = ("--host", "127.0.0.1", "--nthreads", "1", "--memory-limit", "0", "--death-timeout", "20")
        started.append(dask("worker", address, *place, *arguments, **environment))
        return started[-1]

    try:
        assert eventually(lambda: listens(port))
        yield address, worker, started[0]
    finally:
        for process in reversed(started):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A scheduler and two worker processes that are started again when they die."""
    temporary = str(tmp_path_factory.mktemp("temporary"))
    with scheduler(DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="1") as (address, worker, _):
        for _ in range(2):
            worker(TMPDIR=temporary)
        settled(address, 2)
        yield address


def settled(address: str, workers: int) -> None:
    from distributed import Client

    with Client(address, set_as_default=False, timeout=PATIENCE) as client:
        client.wait_for_workers(workers, timeout=PATIENCE)


def test_a_cluster_gives_every_job_back_once_with_its_result(cluster):
    jobs = {f"site {n}": (lambda n=n: n) for n in range(25)}
    assert results(pool.run(pool_tasks.double, jobs, scheduler=cluster)) == {f"site {n}": 2 * n for n in range(25)}


def test_a_cluster_does_the_work_in_its_own_two_processes(cluster):
    pids = results(pool.run(pool_tasks.sleep, dict.fromkeys("abcdefgh", 0.2), scheduler=cluster)).values()
    assert len(set(pids)) == 2 and os.getpid() not in pids


def test_a_cluster_tells_errors_without_traceback_and_without_values(cluster):
    ways = ("input", "value", "exit", "unsendable", "unreadable", "fine")
    found = errors(pool.run(pool_tasks.stumble, {way: way for way in ways}, scheduler=cluster))
    assert found.pop("fine") == ""
    assert found["input"] == "data.csv:7  the age is missing\n    add it"
    assert not any("r-017" in error or "Traceback" in error for error in found.values())


@linux
def test_a_cluster_whose_worker_is_killed_in_mid_run_loses_nothing(cluster, capfd):
    found = {}
    for done in pool.run(pool_tasks.sleep, {str(n): 0.1 for n in range(30)}, scheduler=cluster):
        assert done.name not in found and not done.error
        found[done.name] = done.result
        if len(found) == 6:
            os.kill(done.result, signal.SIGKILL)
    assert len(found) == 30
    assert capfd.readouterr() == ("", "")


@linux
def test_a_cluster_names_the_job_that_kills_workers_and_finishes_the_others(cluster, tmp_path):
    jobs = {str(n): (str(tmp_path / str(n)), 99 if n == 1 else 0) for n in range(6)}
    found = [*pool.run(pool_tasks.die, jobs, scheduler=cluster)]
    assert sorted(each.name for each in found) == sorted(jobs)
    assert {each.name: each.error for each in found if each.error} == {"1": pool.DIED}


@linux
def test_jobs_lost_with_all_workers_come_back_as_failed(monkeypatch):
    monkeypatch.setattr(pool, "PATIENCE", 2.0)
    with scheduler() as (address, worker, _):
        worker("--no-nanny")
        settled(address, 1)
        found = []
        for done in pool.run(pool_tasks.sleep, {str(n): 0.1 for n in range(9)}, scheduler=address):
            found.append(done)
            if len(found) == 1:
                os.kill(done.result, signal.SIGKILL)
    assert sorted(each.name for each in found) == [str(n) for n in range(9)]
    assert "has had no workers" in found[-1].error


@linux
def test_jobs_lost_with_their_scheduler_come_back_as_failed(monkeypatch, capfd):
    monkeypatch.setattr(pool, "ANSWER", 2.0)
    with scheduler() as (address, worker, process):
        worker()
        settled(address, 1)
        found = []
        for done in pool.run(pool_tasks.sleep, {str(n): 0.1 for n in range(9)}, scheduler=address):
            found.append(done)
            if len(found) == 1:
                process.kill()
    assert sorted(each.name for each in found) == [str(n) for n in range(9)]
    assert "was lost" in found[-1].error
    assert capfd.readouterr() == ("", "")


def refused(address: str) -> str:
    """Return the error of a scheduler that cannot be used; fails when the answer takes long."""
    began = time.monotonic()
    with pytest.raises(TieoutError) as error:
        list(pool.run(pool_tasks.double, {"a": 1}, scheduler=address))
    assert time.monotonic() - began < 20
    assert error.value.place == "--scheduler"
    return str(error.value)


@pytest.mark.parametrize(
    "address", " here tcp:// tcp://host 127.0.0.1:8786 tcp://h:99999 tcp://h:x http://h:1 tcp://[::1".split(" ")
)
def test_an_address_that_is_none_is_said_to_be_none(address):
    with pytest.raises(TieoutError, match="is not the address"):
        pool._check_address(address)


def test_a_closed_port_is_told_in_one_paragraph(monkeypatch, capfd):
    monkeypatch.setattr(pool, "ANSWER", 2.0)
    assert "no Dask scheduler answers at tcp://127.0.0.1:" in refused(f"tcp://127.0.0.1:{free_port()}")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("word", [b"", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"])
def test_a_server_that_is_silent_or_no_scheduler_is_told_in_one_paragraph(word, monkeypatch, capfd):
    assert pool.ANSWER <= 5
    monkeypatch.setattr(pool, "ANSWER", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        calls = []

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    calls.append(listener.accept()[0])
                    calls[-1].sendall(word)

        threading.Thread(target=answer, daemon=True).start()
        told = refused(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        listener.shutdown(socket.SHUT_RDWR)
    assert calls and "no Dask scheduler answers" in told
    assert capfd.readouterr() == ("", "")


def test_a_scheduler_without_workers_is_told_and_so_are_workers_without_this_tieout(monkeypatch, tmp_path):
    others = {"old": "__version__ = '0.0.1'", "none": "raise ModuleNotFoundError('tieout', name='tieout')"}
    for name, text in others.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "tieout.py").write_text(text)
    with scheduler() as (address, worker, _):
        with monkeypatch.context() as quick:
            quick.setattr(pool, "ANSWER", 2.0)
            assert "has no workers" in refused(address)
        for name in others:
            worker("--no-nanny", first=str(tmp_path / name))
        settled(address, 2)
        told = refused(address)
    assert f"needs tieout {__version__} everywhere" in told
    assert "has 0.0.1" in told and "has no tieout that can be imported" in told


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert refused("tcp://127.0.0.1:8786") == "--scheduler  Dask is not installed\n    pip install tieout[dask]"

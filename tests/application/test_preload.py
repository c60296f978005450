"""The application is imported once for all workers, unless that leaves what they cannot share."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import postgres
from tests.support import redis as redis_servers
from tests.support.launching import Launch, Plan, begin, prepared
from tests.support.stacks import ROOT, Stack

# Says who has imported it, who answers, what a fork has called, and what its import has left does.
APP = """
import logging, os, socket, sqlite3, threading

IMPORTED_BY, CALLED = os.getpid(), []
os.register_at_fork(after_in_child=lambda: CALLED.append(os.getpid()))
logging.basicConfig(filename=os.environ["TMPDIR"] + "/its.log", filemode="a")

{left}

def app(environ, start_response):
    start_response("200 OK", [])
    # Of a thread that a fork has left behind Python knows that it is not alive.
    runs = any(each.name == "ticker" and each.is_alive() for each in threading.enumerate())
    words = IMPORTED_BY, os.getpid(), CALLED[-1:] == [os.getpid()], runs
    return [" ".join(map(str, words)).encode()]
"""
LEFT = {
    "thread": "threading.Thread(target=threading.Event().wait, name='ticker', daemon=True).start()",
    "connection": "ends = socket.socketpair()",
    "database": "database = sqlite3.connect(os.environ['TMPDIR'] + '/its.sqlite')\n"
    "database.execute('CREATE TABLE IF NOT EXISTS notes (text)')",
}


def launched(launch: Launch, folder: Path, left: str, **settings: str) -> Stack:
    """Start two workers of it."""
    (folder / "app.py").write_text(APP.format(left=left))
    return launch(app=folder, UWSGI_PROCESSES="2", **settings)


def answers(stack: Stack) -> dict[str, list[str]]:
    """Ask until both workers have answered, and give the words of each."""
    found: dict[str, list[str]] = {}

    def both() -> bool:
        with ThreadPoolExecutor(4) as pool:
            for answer in pool.map(lambda _: stack.get().text.split(), range(4)):
                found[answer[1]] = answer
        return len(found) == 2

    stack.wait_until(both)
    return found


@pytest.mark.parametrize("preload", ["auto", "0"])
def test_it_is_imported_once_or_by_each_worker(launch: Launch, folder: Path, preload: str) -> None:
    stack = launched(launch, folder, "", PRELOAD=preload)
    for worker, (imported_by, _, called, _) in answers(stack).items():
        if preload == "0":
            assert imported_by == worker
        else:
            assert imported_by not in answers(stack)
            assert called == "True"
    assert not stack.lines("has left")


@pytest.mark.parametrize("left", LEFT)
def test_what_cannot_be_shared_has_each_worker_import_it(
    launch: Launch, folder: Path, left: str
) -> None:
    stack = launched(launch, folder, LEFT[left])
    stack.says("the application's import has left ")
    for worker, (imported_by, _, _, runs) in answers(stack).items():
        assert imported_by == worker
        assert runs == str(left == "thread")
    # A reload is one of workers that import for themselves, and works as ever.
    assert stack.run("./entrypoint.py", "reload").returncode == 0
    assert all(imported_by == worker for worker, (imported_by, *_) in answers(stack).items())


def test_who_asks_for_it_is_told_what_is_not_shared(launch: Launch, folder: Path) -> None:
    stack = launched(launch, folder, LEFT["thread"], PRELOAD="1")
    stack.says("PRELOAD: '1'", "threads (ticker)", "PRELOAD=0")
    for worker, (imported_by, _, _, runs) in answers(stack).items():
        assert imported_by != worker
        assert runs == "False"


def test_an_application_without_flask_has_none(launch: Launch, folder: Path) -> None:
    (folder / "app.py").write_text(
        "import sys\n\n"
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [str('flask' in sys.modules).encode()]\n"
    )
    assert launch(app=folder).get().text == "False"


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Run a Redis and a PostgreSQL, and give the URL of what each kind of client needs."""
    folder = tmp_path_factory.mktemp("servers")
    with ExitStack() as servers:
        database = servers.enter_context(postgres.server(folder))
        redis = servers.enter_context(redis_servers.server(folder))
        yield {"redis": redis, "sqlalchemy": database, "psycopg": database}


@pytest.mark.parametrize("preload", ["auto", "0", "1"])
@pytest.mark.parametrize("kind", ["redis", "sqlalchemy", "psycopg"])
def test_connections_of_an_import_are_never_mixed_up(
    urls: dict[str, str], tmp_path: Path, kind: str, preload: str
) -> None:
    settings = {"KIND": kind, "URL": urls[kind], "PRELOAD": preload, "UWSGI_PROCESSES": "4"}
    plan = Plan(settings, ROOT / "tests/apps/connections")
    stack = begin(prepared("host", plan, tmp_path / "stack", ""))
    try:
        words = [f"word-{number}" for number in range(200)]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda word: stack.get(f"/{word}").text, words)) == words
        assert not stack.lines("Traceback")
        # What docs/your-app.md says to write leaves nothing that could not be shared.
        assert bool(stack.lines("the application's import has left")) == (preload == "auto")
    finally:
        stack.close()

"""RESPONSE_CACHE: what is kept, for whom, and who asks for it anew."""

from __future__ import annotations

import json
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.support import raw
from tests.support.background import background
from tests.support.launching import Launch
from tests.support.stacks import ROOT, Stack

PAGES = ROOT / "tests/apps/pages"
KEEP = "Cache-Control=max-age=60"
CHUNKED, BODY = "Transfer-Encoding: chunked", "4\r\nbody\r\n0\r\n\r\n"


def cached(launch: Launch, app: Path = PAGES, **settings: str) -> Stack:
    """Launch the pages with a cache, in one worker, which counts what reaches it.

    In one of nginx's too: it keeps an answer right after it was sent, before it takes a request.
    """
    return launch(
        app=app,
        APP_MODULE="pages:application",
        HEALTH_PATH="/text/1",
        UWSGI_PROCESSES="1",
        NGINX_WORKER_PROCESSES="1",
        RESPONSE_CACHE="on",
        **settings,
    )


def number(text: str) -> int:
    """Read which request it was that an answer was made for."""
    return int(text.split()[1])


def test_an_answer_is_kept_if_it_says_so_and_each_url_has_its_own(launch_once: Launch) -> None:
    stack = cached(launch_once)
    first = [stack.get(f"/page/{name}?{KEEP}") for name in ("a", "b")]
    again = [stack.get(f"/page/{name}?{KEEP}") for name in ("a", "b")]
    one = number(first[0].text)
    assert [answer.text for answer in first] == [f"a {one}", f"b {one + 1}"]
    assert [answer.text for answer in again] == [answer.text for answer in first]
    assert [answer.headers["X-Cache-Status"] for answer in first + again] == ["MISS"] * 2 + [
        "HIT"
    ] * 2
    assert stack.get(f"/page/a?{KEEP}&x=1").text == f"a {one + 2}"
    other = stack.get(f"/page/a?{KEEP}", headers={"Host": "other.example"})
    assert other.text == f"a {one + 3}"
    assert stack.request("HEAD", f"/page/a?{KEEP}").headers["Content-Length"] == str(
        len(first[0].content)
    )


@pytest.mark.parametrize(
    "query",
    [
        "x=1",
        "Cache-Control=no-store",
        "Cache-Control=private, max-age=60",
        "Cache-Control=no-cache",
        "Expires=Thu, 01 Jan 2099 00:00:00 GMT",
        f"{KEEP}&Set-Cookie=a=b",
        f"{KEEP}&Vary=*",
    ],
)
def test_nothing_else_is_kept(launch_once: Launch, query: str) -> None:
    stack = cached(launch_once)
    one, other = (stack.get(f"/page/other?{query}").text for _ in range(2))
    assert other == f"other {number(one) + 1}"


def kept(stack: Stack, path: str, **options: Any) -> str:
    """Ask until the answer comes from the cache: nginx keeps it only after it has been sent."""
    return str(
        stack.wait_until(
            lambda: (
                (answer := stack.get(path, **options)).headers["X-Cache-Status"] == "HIT"
                and answer.text
            )
        )
    )


def test_who_shows_who_they_are_gets_an_answer_of_their_own(launch_once: Launch) -> None:
    stack = cached(launch_once)
    for number, (header, value) in enumerate(
        product(("Cookie", "Authorization"), ("x", "0", "00"))
    ):
        path, own = f"/page/who{number}?{KEEP}", {header: value}
        first = stack.get(path, headers=own).text
        everyones = kept(stack, path)
        second = stack.get(path, headers=own).text
        assert len({first, everyones, second}) == 3, own
        assert kept(stack, path) == everyones, own


@pytest.mark.parametrize(
    ("page", "how"),
    [("long", "Content-Length: 4\r\n\r\nbody"), ("chunked", f"{CHUNKED}\r\n\r\n{BODY}")],
)
def test_an_answer_to_a_body_is_for_nobody_else(launch_once: Launch, page: str, how: str) -> None:
    stack = cached(launch_once)

    def ask(more: str) -> str:
        head = f"GET /page/{page}?{KEEP} HTTP/1.1\r\nHost: 127.0.0.1:{stack.port}\r\n"
        return raw.body(raw.send(stack, f"{head}Connection: close\r\n{more}".encode())).decode()

    first = ask(how)
    everyones = kept(stack, f"/page/{page}?{KEEP}")
    second = ask(how)
    assert first.endswith("to body")
    assert second.endswith("to body")
    assert first != second
    assert "body" not in everyones
    assert ask("Content-Length: 0\r\n\r\n") == ask("\r\n") == everyones


def test_no_two_urls_share_an_answer(launch: Launch) -> None:
    stack = cached(launch, TRUSTED_PROXIES="127.0.0.1", TRUSTED_HEADERS="X-Forwarded-Host")
    poisoned = {"Host": "inner.example", "X-Forwarded-Host": "shop.example/page/a"}
    assert kept(stack, f"/page/evil?{KEEP}", headers=poisoned).startswith("evil")
    answer = stack.get(f"/page/a/page/evil?{KEEP}", headers={"Host": "shop.example"})
    assert answer.status_code == 404
    # Two hosts have two answers, and one host one, whoever names it.
    inner, shop = {"Host": "inner.example"}, {"Host": "shop.example"}
    theirs = kept(stack, f"/page/b?{KEEP}", headers={**inner, "X-Forwarded-Host": "shop.example"})
    assert kept(stack, f"/page/b?{KEEP}", headers=shop) == theirs
    assert kept(stack, f"/page/b?{KEEP}", headers=inner) != theirs


def test_a_refusal_by_the_application_is_not_taken_for_one_by_the_list(launch_once: Launch) -> None:
    stack = cached(launch_once, ALLOWED="127.0.0.1")
    assert kept(stack, f"/page/a?{KEEP}&status=403").startswith("a ")
    assert stack.get("/last", client="127.0.0.2").status_code == 403
    stack.wait_until(lambda: stack.lines("denied:", "/last"))
    assert not stack.lines("denied:", "/page/a")


@pytest.mark.parametrize("form", ["combined", "json"])
def test_an_answer_that_was_kept_has_waited_for_no_worker(launch_once: Launch, form: str) -> None:
    stack = cached(launch_once, PAGES, **({"ACCESS_LOG": form} if form == "json" else {}))
    answers = [stack.get(f"/page/waited?{KEEP}") for _ in range(2)]
    assert answers[0].text == answers[1].text
    waited = []
    for answer in answers:
        (line,) = stack.says(answer.headers["X-Request-Id"])
        waited.append(json.loads(line)["queue_time"] if form == "json" else line.split()[-2])
    assert float(waited[0]) >= 0
    assert waited[1] == "-"


def test_other_methods_go_through(launch_once: Launch) -> None:
    stack = cached(launch_once)
    stack.get(f"/page/methods?{KEEP}")
    assert stack.request("POST", f"/page/methods?{KEEP}").status_code == 405


def test_what_is_not_kept_is_not_asked_for_one_by_one(launch: Launch) -> None:
    stack = cached(launch, UWSGI_THREADS="8")
    answers = background(stack, "/meet", times=4)
    assert {answer.result().status_code for answer in answers} == {200}


def test_what_is_too_old_is_given_while_one_request_fetches_the_new(
    launch: Launch, folder: Path
) -> None:
    shutil.copy(PAGES / "pages.py", folder)
    stack = cached(launch, folder, UWSGI_THREADS="8")
    path = "/page/a?Cache-Control=max-age=1"
    assert stack.get(path).text == "a 1"
    (folder / "wait").touch()
    stale = stack.wait_until(
        lambda: (
            (answer := stack.get(path)).headers["X-Cache-Status"] in ("STALE", "UPDATING")
            and answer
        )
    )
    assert stale.text == "a 1"
    assert {answer.result().text for answer in background(stack, path, times=8)} == {"a 1"}
    (folder / "wait").unlink()
    stack.wait_until(lambda: stack.get(path).text == "a 2")


def test_the_cache_is_behind_the_access_rules(launch_once: Launch) -> None:
    stack = cached(launch_once, ALLOWED="127.0.0.1")
    assert stack.get(f"/page/behind?{KEEP}").text.startswith("behind ")
    assert stack.get(f"/page/behind?{KEEP}", client="127.0.0.2").status_code == 403


def test_without_the_setting_nothing_is_kept(launch: Launch) -> None:
    stack = launch(
        app=PAGES, APP_MODULE="pages:application", HEALTH_PATH="/text/1", UWSGI_PROCESSES="1"
    )
    answers = [stack.get(f"/page/a?{KEEP}") for _ in range(2)]
    assert [answer.text for answer in answers] == ["a 1", "a 2"]
    assert "X-Cache-Status" not in answers[1].headers

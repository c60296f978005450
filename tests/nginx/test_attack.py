"""Random requests, and lists that change, against a model of who is who; `make attack` goes on."""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support import model
from tests.support.changing import FILE, machine, write
from tests.support.decisions import case
from tests.support.launching import Launch

SEED = 20261126
REQUESTS = 600  # for each way to name a client
ODD = 40

# Each way to name a client, with a short or a long list, and with something else that is served.
VARIANTS = (
    (None, "around the mapped addresses", "SPA"),
    ("X-Forwarded-For", "thousands of entries", "files"),
    ("X-Real-IP", "overlaps and duplicates", "cache"),
    ("proxy_protocol", "all of IPv6", "application"),
)


@pytest.mark.parametrize(("naming", "shape", "page"), VARIANTS)
def test_who_is_who(launch: Launch, naming: str | None, shape: str, page: str) -> None:
    random = Random(SEED)  # noqa: S311 - to be repeated
    made = case(SEED, 200, shape)
    entries = (*made.entries, "127.0.0.2", "127.0.0.3", "127.0.0.4/31")
    options = {**model.BASE, **model.NAMINGS[naming], **model.PAGES[page]}
    stack = launch(app=model.APP, ALLOWED=";".join(entries), **options)
    asked = model.requests(random, naming, [each.header for each in made.clients])
    assert list(model.mistakes(stack, entries, list(islice(asked, REQUESTS)))) == []
    if naming != "proxy_protocol":
        assert list(model.odd(stack, random, ODD, "127.0.0.6")) == []


def test_lists_that_change_hold_from_the_reload_on(launch: Launch, folder: Path) -> None:
    shutil.copytree(model.APP, folder, dirs_exist_ok=True)
    write(folder, "127.0.0.1")
    naming = "X-Forwarded-For"
    more = {**model.BASE, **model.NAMINGS[naming], **model.PAGES["files"]}
    stack = launch(app=folder, ALLOWED_FILE=FILE, **more)
    few = settings(max_examples=2, stateful_step_count=6)
    run_state_machine_as_test(machine(stack, folder, naming), settings=few)

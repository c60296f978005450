"""Mistakes in conf/supervisor.d: each is told with its file and line before anything starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stack.programs import checking, rendering
from stack.settings.errors import ConfigError
from stack.settings.table import Settings
from tests.support.launching import Launch

RIGHT = "[program:worker]\ncommand = python3 -m worker\n"

MISTAKES = {
    "[program:worker]\n": "1: [program:worker] has no command",
    "command = x\n": "1: stands before any section",
    "[program:worker\ncommand = x\n": "1: stands before any section",
    f"{RIGHT}nonsense\n": "3: nonsense: is neither a section nor an option",
    f"{RIGHT}command = python3\n": "3: command is there twice",
    f"{RIGHT}{RIGHT}": "3: [program:worker] is there twice",
    "[supervisord]\nnodaemon = false\n": "1: [supervisord]: is not taken",
    "[include]\nfiles = /etc/*.conf\n": "1: [include]: is not taken",
    "[DEFAULT]\ncommand = x\n": "1: [DEFAULT]: is not taken",
    "[group:all]\nprograms = worker\n": "1: [group:all]: is not taken",
    "[eventlistener:x]\ncommand = x\n": "1: [eventlistener:x]: is not taken",
    "\n[program:uwsgi]\ncommand = x\n": "2: [program:uwsgi]: is a program of ours",
    "[program:nginx]\ncommand = x\n": "1: [program:nginx]: is a program of ours",
    "[program:a b]\ncommand = x\n": "1: [program:a b]: is no name",
    f"{RIGHT}process_name = uwsgi\n": "3: process_name: 'uwsgi': cannot be one",
    f"{RIGHT}numprocs = 2\nprocess_name = one\n": "4: process_name: 'one': would be the same",
    f"{RIGHT}autorestrat = true\n": "3: autorestrat: is no option of a program; did you mean auto",
    f"{RIGHT}autorestart = maybe\n": "3: autorestart: 'maybe': is not true, false or unexpected",
    f"{RIGHT}stopwaitsecs = -1\n": "3: stopwaitsecs: '-1': is not a whole number",
    f"{RIGHT}stopwaitsecs = 600\n": "3: stopwaitsecs: '600': 600 s for your own programs and then "
    "4 s, the least, for nginx and uWSGI make 604 s, and SHUTDOWN_TIMEOUT is 8 s",
    f"{RIGHT}stopsignal = STOPP\n": "3: stopsignal: 'STOPP': is not a signal",
    f"{RIGHT}exitcodes = zero\n": "3: exitcodes: 'zero': is not a list of statuses",
    f"{RIGHT}priority = 5\n": "3: priority: '5': is not a number from 21 to 999",
    f"{RIGHT}user = root\n": "3: user: 'root': all programs run as the container's user",
    f"{RIGHT}stdout_logfile = /srv/log\n": "3: stdout_logfile: '/srv/log': its output goes to",
    f"{RIGHT}environment = A\n": "3: environment: 'A': is no list",
    f'{RIGHT}environment = KEY="x"\n': "3: environment: 'KEY': comes from a file",
    f"{RIGHT}directory = /nowhere\n": "3: directory: '/nowhere': is no folder",
    f"{RIGHT}stopasgroup = 1\nkillasgroup = 0\n": "4: killasgroup: is off, and stopasgroup on",
    "[program:worker]\n; x\ncommand = python3 '\n": '3: command: "python3 \'": has a',
    "[program:worker]\ncommand = celeri -A x\n": "2: command: 'celeri': is no program here",
    "[program:worker]\ncommand = python3 %(ENV_NO)s\n": "2: command: 'python3 %(ENV_NO)s': "
    "%(ENV_NO)s is not known",
    "[program:worker]\ncommand = python3 5%\n": "2: command: 'python3 5%': a % of your own is",
}


def settings(root: Path, **environ: str) -> Settings:
    """Make settings for an application below a root."""
    (root / "app").mkdir(exist_ok=True)
    (root / "app/key").write_text("secret")
    return Settings.from_environ({"APP_DIR": str(root / "app"), **environ})


def read(root: Path, text: str, **environ: str) -> checking.Programs:
    """Read one file of programs."""
    (root / "conf/supervisor.d").mkdir(parents=True)
    (root / "conf/supervisor.d/a.conf").write_text(text)
    given = {"ENV_FROM_FILES": "KEY", "KEY_FILE": str(root / "app/key"), **environ}
    return checking.programs(root, settings(root, **given), {**os.environ, **given})


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_with_its_file_and_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(tmp_path, text)
    (told,) = error.value.args
    assert told.startswith(f"conf/supervisor.d/a.conf:{MISTAKES[text]}")


def test_what_supervisors_users_write_is_taken(tmp_path: Path) -> None:
    text = (
        "[program:worker]\n"
        'command = python3 -m worker --name "%(program_name)s-%(process_num)d" ; a comment\n'
        "numprocs = 2\n"
        "stopwaitsecs = 20\n"
        'environment = TOKEN="%(ENV_TOKEN)s",B="x,y",PLACE="%(ENV_TMPDIR)s/%(program_name)s"\n'
        "stdout_logfile = /dev/stdout\n"
        "stdout_logfile_maxbytes = 0\n"
        "redirect_stderr = true\n"
        "autostart = true\n"
    )
    environ = {"TOKEN": "secret", "SHUTDOWN_TIMEOUT": "30"}
    programs = read(tmp_path, text, **environ)
    assert (programs.seconds, programs.waiting()) == (20, ["worker"])
    rendered = rendering.files(tmp_path, programs, 30)["programs.conf"]
    assert "secret" not in rendered
    assert ' app python3 -m worker --name "%(program_name)s-%(process_num)d"\n' in rendered
    assert "/dev/stdout" not in rendered


def test_all_mistakes_end_the_start_with_78(launch: Launch, conf: Path) -> None:
    (conf / "supervisor.d/a.conf").write_text("[program:a]\ncommand = celeri\nuser = x\n")
    (conf / "supervisor.d/b.conf").write_text("[program:b]\n")
    stack = launch(ready=False, conf=conf)
    assert stack.wait_until_gone() == os.EX_CONFIG
    # One whose options are wrong is not looked at any further.
    assert stack.says("entrypoint: error: conf/supervisor.d/a.conf:3: user: 'x'")
    assert stack.says("entrypoint: error: conf/supervisor.d/b.conf:1: [program:b] has no command")
    assert not stack.lines("spawned")

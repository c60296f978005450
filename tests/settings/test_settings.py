"""The settings: defaults, sources and mistakes."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
from pathlib import Path

import pytest

from stack.settings import sources
from stack.settings.errors import ConfigError
from stack.settings.idle import idle
from stack.settings.misspelt import suspects
from stack.settings.table import Settings, names, table
from stack.settings.targets import Target


def mistakes(**environ: str) -> tuple[str, ...]:
    """Return what an environment is refused for."""
    with pytest.raises(ConfigError) as refused:
        Settings.from_environ(environ)
    return refused.value.args


def test_an_empty_environment_is_fine() -> None:
    settings = Settings.from_environ({})
    assert settings.allowed is None
    assert settings.listen_port == 80
    assert settings.app_module is None
    assert settings.uwsgi_processes >= 2
    assert settings.uwsgi_threads == 1
    assert settings.client_max_body_size == "1m"


def test_every_value_says_where_it_comes_from() -> None:
    sources = Settings.from_environ({"LISTEN_PORT": "80"}).sources
    assert set(sources) == {about.name for about in table().values()}
    assert sources["LISTEN_PORT"] == "environment"
    assert sources["UWSGI_THREADS"] == "default"
    assert sources["UWSGI_PROCESSES"].startswith("detected: ")


def test_a_list_in_a_file_is_named_as_the_source(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("10.0.0.1")
    settings = Settings.from_environ({"ALLOWED_FILE": f"{tmp_path}/list"})
    assert settings.sources["ALLOWED"] == f"file {tmp_path}/list"


@pytest.mark.parametrize("name", ["LISTEN_PORT", "UWSGI_PROCESSES", "UWSGI_THREADS"])
@pytest.mark.parametrize(
    "text",
    ["", "0", "-1", "+1", "1.0", "two", " 1", "1\n", "\u0661", "0x10", "1_0", "99999", "9" * 99],
)
def test_numbers_are_digits_in_a_range(name: str, text: str) -> None:
    (mistake,) = mistakes(**{name: text})
    assert mistake.startswith(f"{name}: ")
    assert "is not a whole number from 1 to" in mistake


@pytest.mark.parametrize("text", ["app:app", "shop.web:create", "_a.b1.c_:d", "app:app.server"])
def test_an_application_is_a_module_and_a_callable(text: str) -> None:
    module, attribute = text.split(":")
    assert Settings.from_environ({"APP_MODULE": text}).app_module == Target(text, module, attribute)


def test_a_factory_takes_what_is_written_out() -> None:
    text = "shop:create_app('a;b', [1, -2.5], debug=None, options={'x': True})"
    found = Settings.from_environ({"APP_MODULE": text}).app_module
    assert found
    assert found.call == {
        "args": ["a;b", [1, -2.5]],
        "kwargs": {"debug": None, "options": {"x": True}},
    }
    assert str(found) == text


@pytest.mark.parametrize(
    "text",
    [
        *["", "app", ":app", "app:", "a b:c", "a/b:c", "a.:c", "a:b;c", "a:b\n", "$(HOME):a"],
        *["1a:b", "a:b(c)", "a:b(__import__('os'))", "a:b(**{})", "a:b(*[])", "a:b()()", "a:b(1"],
        *["a:b({1: 2})", "a:b(b'')", "a:b[0]", "a:b if c else d", "a:" + "(" * 999, "a: b"],
    ],
)
def test_anything_else_is_not_an_application(text: str) -> None:
    (mistake,) = mistakes(APP_MODULE=text)
    assert "write module:callable" in mistake


def test_several_applications_have_a_prefix_each() -> None:
    text = '/ = shop.web:app; /admin=backoffice:create_app("a;b=c");'
    apps = Settings.from_environ({"APPS": text}).apps
    assert apps
    assert [(mount.prefix, str(mount.target)) for mount in apps] == [
        ("/", "shop.web:app"),
        ("/admin", 'backoffice:create_app("a;b=c")'),
    ]


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 1), (";", 1), ("a:b", 1), ("/x/=a:b", 1), ("x=a:b;/y=c", 2), ("/=a:b;/=c:d", 1)],
)
def test_every_mistake_in_a_list_of_applications_is_reported(text: str, count: int) -> None:
    found = mistakes(APPS=text)
    assert len(found) == count
    assert all(mistake.startswith("APPS: ") for mistake in found)


def test_one_application_and_several_exclude_each_other() -> None:
    (mistake,) = mistakes(APPS="/=a:b", APP_MODULE="a:b")
    assert "APP_MODULE too" in mistake


@pytest.mark.parametrize("text", ["", "\n", "a\0b"])
def test_a_folder_has_a_name(text: str) -> None:
    (mistake,) = mistakes(APP_DIR=text)
    assert "is not the path of a folder" in mistake


@pytest.mark.parametrize(("text", "size"), [("0", "0"), ("512", "512"), ("8K", "8k"), ("2g", "2g")])
def test_a_size_is_digits_and_a_unit(text: str, size: str) -> None:
    assert Settings.from_environ({"CLIENT_MAX_BODY_SIZE": text}).client_max_body_size == size


@pytest.mark.parametrize(
    "text", ["", "1mb", "1 m", "-1", "m", "1.5m", "1m;", "1m\n", "9" * 10 + "g"]
)
def test_anything_else_is_not_a_size(text: str) -> None:
    (mistake,) = mistakes(CLIENT_MAX_BODY_SIZE=text)
    assert "is not a size" in mistake


def test_every_mistake_is_reported_at_once() -> None:
    found = mistakes(ALLOWED="1.2.3.4/33;x", LISTEN_PORT="http", UWSGI_THREADS="0")
    assert [mistake.split(":")[0] for mistake in found] == [
        "ALLOWED",
        "ALLOWED",
        "LISTEN_PORT",
        "UWSGI_THREADS",
    ]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ALOWED", "ALLOWED"),
        ("ALLOWED_IPS", "ALLOWED"),
        ("allowed", "ALLOWED"),
        ("LISTEN_PORTS", "LISTEN_PORT"),
        ("UWSGI_PROCESES", "UWSGI_PROCESSES"),
        ("APP_MODUL", "APP_MODULE"),
    ],
)
def test_a_misspelt_name_is_noticed(name: str, meant: str) -> None:
    assert suspects({name: "x"}, names()) == {name: meant}


@pytest.mark.parametrize("name", ["HOME", "PATH", "PORT", "UWSGI_HARAKIRI", "APP_ENV", "ALLOWED"])
def test_other_names_are_none_of_our_business(name: str) -> None:
    assert suspects({name: "x"}, names()) == {}


@pytest.mark.parametrize(
    ("name", "text", "meant"),
    [
        ("ALOWED", "10.9.9.9", "ALLOWED"),
        ("ALLOWD", "no address", "ALLOWED"),
        ("ALLOWED_FIL", "/run/list", "ALLOWED"),
        ("allowed", "10.9.9.9", "ALLOWED"),
        ("ALLOW", "10.9.9.9", "ALLOWED"),
        ("ALLOWED_IP", "10.9.9.9", "ALLOWED"),
        ("ALLOWED_HOSTS_IP", "10.0.0.0/8,10.9.9.9", "ALLOWED"),
        ("ALLOWLIST", "2001:db8::/32", "ALLOWED"),
        ("IP_ALLOWED", "10.9.9.9 10.9.9.8", "ALLOWED"),
        ("TRUSTED_PROXY", "10.0.0.1", "TRUSTED_PROXIES"),
        ("TRUSTED_PROXYS", "10.0.0.1", "TRUSTED_PROXIES"),
        ("REAL_IP_HEADERS", "proxy_protocol", "REAL_IP_HEADER"),
    ],
)
def test_a_misspelt_name_of_a_lock_is_refused(name: str, text: str, meant: str) -> None:
    (mistake,) = mistakes(**{name: text})
    assert mistake.startswith(f"{name}: {text!r}: ")
    assert f"and {meant} is not set" in mistake
    assert f"UNCHECKED={name}" in mistake
    assert Settings.from_environ({name: text, "UNCHECKED": name}) == Settings.from_environ(
        {"UNCHECKED": name}
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ALLOWED_HOSTS", "10.0.0.5,shop.example"),
        ("ALLOWED_EXTENSIONS", "png,jpg"),
        ("ALLOW_SIGNUP", "1"),
        ("ALLOWED_ORIGINS", "https://shop.example"),
        ("TRUSTED_HOSTS", "10.0.0.5"),
    ],
)
def test_what_applications_commonly_have_is_not_refused(name: str, text: str) -> None:
    assert Settings.from_environ({name: text}) == Settings.from_environ({})


def test_beside_the_setting_itself_a_name_that_is_like_it_is_not_refused() -> None:
    assert Settings.from_environ({"ALLOWED": "10.0.0.1", "ALLOWED_IP": "10.9.9.9"}).allowed


@pytest.mark.parametrize(
    ("name", "text", "other", "enough"),
    [
        ("REAL_IP_HEADER", "X-Real-IP", "TRUSTED_PROXIES", "10.0.0.1"),
        ("SPA_API_PREFIX", "/v1/", "SPA_FALLBACK", "hello.txt"),
        ("STATIC_URL", "/files/", "STATIC_PATH", "app/example/static"),
    ],
)
def test_what_has_no_effect_is_said(name: str, text: str, other: str, enough: str) -> None:
    environ = {"APP_MODULE": "app:app", name: text}

    def said(**more: str) -> list[str]:
        settings = Settings.from_environ({**environ, **more})
        return list(idle(vars(settings), settings.sources))

    (mistake,) = said()
    assert mistake.startswith(f"{name} has no effect without {other}; ")
    folder = {"STATIC_PATH": "app/example/static"} if other == "SPA_FALLBACK" else {}
    assert said(**{other: enough}, **folder) == []
    del environ[name]
    assert said() == []


def test_a_file_that_is_none_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "long").write_text("10.0.0.1\n" * 2_000_000)
    (tmp_path / "held").write_text("10.0.0.1")
    for name, reason in {"pipe": "no regular file", "long": "longer than 16 MiB"}.items():
        with pytest.raises(ConfigError) as refused:
            Settings.from_environ({"ALLOWED_FILE": str(tmp_path / name)})
        assert f"cannot be read (it is {reason})" in refused.value.args[0]
    # What whoever has a lease on a file does with it, others would wait for.
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # that tells of the other
    with (tmp_path / "held").open("r+") as held:
        fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        with pytest.raises(ConfigError, match="cannot be read"):
            Settings.from_environ({"ALLOWED_FILE": str(tmp_path / "held")})
    signal.signal(signal.SIGIO, before)


def test_a_file_system_that_hangs_is_not_waited_for() -> None:
    with pytest.raises(OSError, match="could not be in 0 s"):
        sources.within(0.01, lambda: str(threading.Event().wait(60)))

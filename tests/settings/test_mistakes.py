"""A hundred mistakes: each is named with its variable, its value, the reason and a remedy.

They are made with one correct application, and what they are told in is the text of a refusal.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stack.application import plan
from stack.settings.errors import ConfigError
from stack.settings.table import Settings, names
from stack.uwsgi import options
from tests.support.stacks import ROOT

# Files of the mistakes, by their names in the table: {list} is the path of the first.
FILES = {
    "list": "10.0.0.1\n10.0.0.2/33  # no such range\n",
    "empty": "# nobody yet\n",
    "word": "eighty\n",
    "build/index.html": "<p>hello",
    "code/shop/__init__.py": "app = 1\n",
    "code/shop/web.py": "app = 1\n",
    "code/broken.py": "def hello(:\n",
    "texts/readme.txt": "no code",
    "two/a/__init__.py": "",
    "two/b/__init__.py": "",
}

# Variables; the value of the one that is named, None where a text is none; the reason; the remedy.
Mistake = tuple[str, str | None, str, str]

ANY = "0.0.0.0"  # noqa: S104 - no listener, but a mistake
NUMBER = "is not a whole number from"
DIGITS = "write digits only, or unset it"
HOW = "write module:callable, as in shop.web:app"
BARE = "write the bare address"
EXPLICIT = "UNCHECKED="

MISTAKES: list[Mistake] = [
    # Who gets in.
    ("ALLOWED=", "", "has no entry, so nobody could connect", "unset it or write 0.0.0.0/0;::/0"),
    ("ALLOWED=  ", "  ", "has no entry", "unset it"),
    ("ALLOWED=;", ";", "has no entry", "unset it"),
    ("ALLOWED=all", "all", "is not an address", "to let everyone in write 0.0.0.0/0;::/0"),
    ("ALLOWED=0.0.0.0", ANY, "is no client's address", "write 0.0.0.0/0;::/0"),
    ("ALLOWED=::", "::", "is no client's address", "write 0.0.0.0/0;::/0"),
    ("ALLOWED=10.0.0.1/8", "10.0.0.1/8", "has host bits set", "write 10.0.0.0/8 for the range"),
    ("ALLOWED=10.0.0.0/33", "10.0.0.0/33", "is not an address or range", "write one as in"),
    ("ALLOWED=10.0.0.256", "10.0.0.256", "is not an address or range", "write one as in"),
    ("ALLOWED=10.0.0", "10.0.0", "is not an address or range", "write one as in"),
    ("ALLOWED=10.0.0.0/255.0.0.0", "10.0.0.0/255.0.0.0", "has a netmask", "10.0.0.0/8"),
    ("ALLOWED=010.0.0.1", "010.0.0.1", "Leading zeros", "write one as in"),
    ("ALLOWED=10.0.0.0/08", "10.0.0.0/08", "has leading zeros", "without them"),
    ("ALLOWED=10.0.0.1,10.0.0.2", "10.0.0.1,10.0.0.2", "holds a comma", "separate the entries"),
    ("ALLOWED=10.0.0.1 10.0.0.2", "10.0.0.1 10.0.0.2", "holds a blank", "separate the entries"),
    ("ALLOWED=10.0.0.1\n10.0.0.2", "10.0.0.1\n10.0.0.2", "control character", "separate the"),
    ("ALLOWED=10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9", "in another form", "a prefix length"),
    ("ALLOWED=10.0.0.*", "10.0.0.*", "in another form", "write a prefix length"),
    ("ALLOWED=localhost", "localhost", "names are not looked up", "write IPv4 or IPv6"),
    ("ALLOWED=shop.example", "shop.example", "names are not looked up", "write IPv4 or IPv6"),
    ("ALLOWED=10.0.0.1:80", "10.0.0.1:80", "has a port", BARE),
    ("ALLOWED=[::1]", "[::1]", "has brackets", BARE),
    ("ALLOWED=http://10.0.0.1", "http://10.0.0.1", "is a URL", BARE),
    ("ALLOWED=fe80::1%eth0", "fe80::1%eth0", "has a zone id", "leave out the %"),
    ("ALLOWED=2001:db8::/129", "2001:db8::/129", "is not an address or range", "write one as in"),
    ("ALLOWED=2001:db8::g", "2001:db8::g", "is not an address", "write IPv4 or IPv6"),
    ("ALLOWED=unix:", "unix:", "is not an address", "only clients that come over IP"),
    ("ALLOWED=255.255.255.255", "255.255.255.255", "is refused by nginx", "leave it out"),
    ("ALLOWED=\u0661.0.0.1", "\u0661.0.0.1", "is not ASCII", "write digits as 0 to 9"),
    ("ALLOWED=10.0.0.1;no", "no", "entry 2, ", "write IPv4 or IPv6"),
    ("ALLOWED=::1 ALLOWED_FILE={list}", None, "is set, and ALLOWED_FILE too", "unset one of them"),
    ("ALLOWED_FILE={list}", "10.0.0.2/33", "line 2, ", "write one as in"),
    ("ALLOWED_FILE={empty}", None, "has no entry", "to let everyone in write"),
    ("ALLOWED_FILE=/no/such", "/no/such", "cannot be read (No such file", "name a file"),
    ("ALLOWED_FILE={build}", "{build}", "cannot be read (Is a directory)", "name a file"),
    ("ALLOWED_FILE=", "", "cannot be read", "name a file"),
    ("ALOWED=10.0.0.1", "10.0.0.1", "and ALLOWED is not set", EXPLICIT),
    ("ALLOWED_IP=10.0.0.1", "10.0.0.1", "and ALLOWED is not set", EXPLICIT),
    ("TRUSTED_PROXY=10.0.0.1", "10.0.0.1", "and TRUSTED_PROXIES is not set", EXPLICIT),
    ("REAL_IP_HEADRE=X-Real-IP", "X-Real-IP", "and REAL_IP_HEADER is not set", EXPLICIT),
    # Whose word on the client is believed.
    ("TRUSTED_PROXIES=", "", "has no entry", "write the addresses of your proxies, or unset it"),
    ("TRUSTED_PROXIES_FILE={empty}", None, "has no entry", "write the addresses of your proxies"),
    ("TRUSTED_PROXIES=0.0.0.0/0", "0.0.0.0/0", "is everyone", "list only the addresses"),
    ("TRUSTED_PROXIES=::1;::/0", "::/0", "is everyone", "list only the addresses"),
    ("TRUSTED_PROXIES=traefik", "traefik", "names are not looked up", "write IPv4 or IPv6"),
    ("REAL_IP_HEADER=Forwarded", "Forwarded", "cannot be read by nginx", "write X-Forwarded-For"),
    ("REAL_IP_HEADER=X-Client", "X-Client", "is not a header that", "write X-Forwarded-For"),
    ("REAL_IP_HEADER=proxy_protocol", "proxy_protocol", "believes nobody without", "set it to"),
    ("TRUSTED_HEADERS=X-Request-Id", "X-Request-Id", "would be believed from nobody", "set it to"),
    ("TRUSTED_HEADERS=Host TRUSTED_PROXIES=::1", "Host", "is not a header that", "write names"),
    # Numbers, sizes and words.
    ("LISTEN_PORT=", "", NUMBER, DIGITS),
    ("LISTEN_PORT=0", "0", NUMBER, DIGITS),
    ("LISTEN_PORT=65536", "65536", NUMBER, DIGITS),
    ("LISTEN_PORT=http", "http", NUMBER, DIGITS),
    ("LISTEN_PORT=443 ssl", "443 ssl", NUMBER, DIGITS),
    ("LISTEN_PORT=8080/tcp", "8080/tcp", NUMBER, DIGITS),
    ("LISTEN_PORT_FILE={word}", "eighty", NUMBER, DIGITS),
    ("UWSGI_PROCESSES=auto", "auto", NUMBER, DIGITS),
    ("UWSGI_PROCESSES=4.5", "4.5", NUMBER, DIGITS),
    ("UWSGI_PROCESSES=0", "0", NUMBER, DIGITS),
    ("UWSGI_THREADS=0", "0", NUMBER, DIGITS),
    ("UWSGI_LISTEN=4", "4", NUMBER, DIGITS),
    ("UWSGI_LISTEN=65535", "65535", "is more than the kernel allows", "lower it, or raise that"),
    ("NGINX_WORKER_PROCESSES=auto", "auto", NUMBER, DIGITS),
    ("NGINX_WORKER_CONNECTIONS=10", "10", NUMBER, DIGITS),
    ("MAX_QUEUED_REQUESTS=0", "0", NUMBER, DIGITS),
    ("UWSGI_LISTEN=100 MAX_QUEUED_REQUESTS=200", "200", "is more than UWSGI_LISTEN", "lower it"),
    ("REQUEST_TIMEOUT=30s", "30s", NUMBER, DIGITS),
    ("REQUEST_TIMEOUT=1.5", "1.5", NUMBER, DIGITS),
    ("PRESTART_TIMEOUT=5m", "5m", NUMBER, DIGITS),
    ("SHUTDOWN_TIMEOUT=3", "3", NUMBER, DIGITS),
    ("CLIENT_MAX_BODY_SIZE=", "", "is not a size", "write digits and k, m or g"),
    ("CLIENT_MAX_BODY_SIZE=1mb", "1mb", "is not a size", "write digits and k, m or g"),
    ("CLIENT_MAX_BODY_SIZE=unlimited", "unlimited", "is not a size", "0 for no limit"),
    ("PRELOAD=true", "true", "is not known", "write one of: auto, 1, 0"),
    ("UWSGI_LAZY_APPS=1", "1", "is not taken from there", "write PRELOAD=0"),
    ("DEV=true", "true", "is not known", "write one of: 0, 1, debugger"),
    ("DEV=debugger", "debugger", "lets whoever may connect run code", "set it to the address"),
    ("RESPONSE_CACHE=1", "1", "is not known", "write one of: off, on"),
    ("ACCESS_LOG=/var/log/x", "/var/log/x", "is not known", "write one of: combined, json, off"),
    ("HEALTH_PATH=health", "health", "is not a plain path", "write one that starts with /"),
    ("HEALTH_PATH=/up?x=1", "/up?x=1", "is not a plain path", "write one that starts with /"),
    # TLS.
    ("TLS_CERTIFICATE_FILE=/c.pem", "/c.pem", "TLS_KEY_FILE is not set", "set both or neither"),
    ("TLS_KEY_FILE=/k.pem", "/k.pem", "TLS_CERTIFICATE_FILE is not set", "set both or neither"),
    ("TLS_CERTIFICATE_FILE= TLS_KEY_FILE=/k.pem", "", "is not the path of a file", "write one"),
    ("TLS_CLIENT_CA_FILE=/a.pem", "/a.pem", "nobody can show one", "set that too"),
    ("TLS_PORT=https", "https", NUMBER, DIGITS),
    ("TLS_REDIRECT=yes", "yes", "is not known", "write on, off, or the port"),
    ("HSTS=1y", "1y", "is not known", "write off, or a number of seconds"),
    ("HSTS=86400", "86400", "nothing comes by TLS", "set TLS_CERTIFICATE_FILE"),
    # How much one client may take, and what is logged.
    ("RATE_LIMIT=20", "20", "is not a rate", "as in 20/s"),
    ("RATE_LIMIT=0/s", "0/s", "is not a rate", "or off"),
    ("RATE_BURST=0", "0", NUMBER, DIGITS),
    ("CONNECTION_LIMIT=many", "many", NUMBER, DIGITS),
    ("LOG_LEVEL=loud", "loud", "is not known", "write one of"),
    # Metrics.
    ("METRICS_PORT=x", "x", NUMBER, DIGITS),
    ("METRICS_PORT=9100", "9100", "would answer nobody", "set it to the address"),
    ("METRICS_PORT=80 METRICS_ALLOWED=::1", "80", "is LISTEN_PORT too", "choose another port"),
    ("METRICS_ALLOWED=::1", None, "is set, and METRICS_PORT not", "set that, or unset this one"),
    ("METRICS_ALLOWED=prometheus", "prometheus", "names are not looked up", "write IPv4 or IPv6"),
    # Files that nginx serves.
    ("STATIC_PATH=/no/such", "/no/such", "is not a folder that uid", "name one by its absolute"),
    ("STATIC_PATH=", "", "names no folder", "name one by its absolute path"),
    ('STATIC_PATH=a"b', 'a"b', "holds a character", "rename it"),
    ("SPA_FALLBACK=x.html", "x.html", "STATIC_PATH, which is not set", "name the folder"),
    ("SPA_FALLBACK=x.html STATIC_PATH={build}", "x.html", "is not in STATIC_PATH", "build it, or"),
    ("SPA_FALLBACK=a/b.html STATIC_PATH={build}", "a/b.html", "is not a file's name", "write one"),
    ("SPA_API_PREFIX=api", "api", "is not the path of a folder", "write one of letters"),
    ("SPA_API_PREFIX=", "", "names no path", "write one, as in /api/"),
    ("SPA_API_PREFIX=/;/api/", "/;/api/", "/ stands for all paths", "write / alone"),
    ("STATIC_URL=static", "static", "is not the path of a folder", "write one of letters"),
    ("STATIC_URL=/", "/", "is not the path of a folder", "write one of letters"),
    # The application.
    ("APP_DIR=/no/such", "/no/such", "cannot be read (No such file", "name the folder"),
    ("APP_DIR=/etc/passwd", "/etc/passwd", "cannot be read (Not a directory)", "name the folder"),
    ("APP_DIR=", "", "is not the path of a folder", "write one, as in /srv/app"),
    ("APP_DIR={none}", "{none}", "is empty", "copy your application into it"),
    ("APP_DIR={texts} -APP_MODULE", "{texts}", "has no Python module", "put an app.py there"),
    ("APP_DIR={two} -APP_MODULE", "{two}", "has several packages, a, b", "say which"),
    ("APP_DIR={code}/shop -APP_MODULE", "{code}/shop", "is a package itself", "mount or copy"),
    ("APP_MODULE=", "", "does not name an application", HOW),
    ("APP_MODULE=shop", "shop", "does not name a callable", HOW),
    ("APP_MODULE=shop.py:app", "shop.py:app", "names a file", "leave out the .py: shop:app"),
    ("APP_MODULE=shop/web:app", "shop/web:app", "does not name an application", HOW),
    ("APP_MODULE=shop:create(os)", "shop:create(os)", "has an argument that is not text", HOW),
    ("APP_MODULE=shpo:app", "shpo:app", "there is no module shpo", "did you mean shop?"),
    ("APP_MODULE=shop.wbe:app", "shop.wbe:app", "no module wbe in shop", "did you mean shop.web?"),
    ("APP_MODULE=nothing:app", "nothing:app", "there is no module nothing", "name one of them"),
    ("APPS=/=shop:app", None, "is set, and APP_MODULE too", "unset one of them"),
    ("APPS= -APP_MODULE", "", "names no application", "unset it, or write prefix="),
    ("APPS=shop:app -APP_MODULE", "shop:app", "does not begin with a path", "write prefix="),
    ("APPS=/a=a:b;/a=c:d -APP_MODULE", "/a", "has an application already", "name each once"),
    ("APPS=/=shpo:app -APP_MODULE", "shpo:app", "there is no module shpo", "did you mean shop?"),
    ("ENV_FROM_FILES=1X", "1X", "is not the name of a variable", "write names"),
    ("ENV_FROM_FILES=KEY", "KEY", "KEY_FILE is not set", "set it to the path"),
    ("ENV_FROM_FILES=KEY KEY_FILE=/no/such", "/no/such", "cannot be read", "name a file"),
    ("ENV_FROM_FILES=KEY KEY_FILE={word} KEY=x", "KEY", "and KEY_FILE too", "unset one of them"),
    ("UNCHECKED=A-B", "A-B", "is not the name of a variable", "write names"),
    # uWSGI's own options.
    ("UWSGI_HTTP=:9090", ":9090", "may open a listener", EXPLICIT),
    ("UWSGI_UID=0", "0", "may change user or root", EXPLICIT),
    ("UWSGI_EXEC_ASAP=x", "x", "may run a program", EXPLICIT),
    ("UWSGI_LOGTO=/x", "/x", "sends uWSGI's log elsewhere", EXPLICIT),
    ("UWSGI_HARAKIRI=abc", "abc", "is not a whole number", "write digits only"),
    ("UWSGI_BUFFER_SIZE=8", "8", "conf/uwsgi.ini sets this option", "unset it"),
    ("UWSGI_BUFFERSIZE=8", "8", "uWSGI has no option", "did you mean UWSGI_BUFFER_SIZE?"),
    ("UWSGI_WORKERS=4", "4", "is not taken from there", "write UWSGI_PROCESSES"),
    ("UWSGI_INI=x.ini", "x.ini", "is not taken from there", "write APP_MODULE"),
    ("UWSGI_CHEAPER=4 UWSGI_PROCESSES=4", "4", "is not less than UWSGI_PROCESSES", "lower it"),
    ("UWSGI_THUNDER_LOCK=maybe", "maybe", "is neither on nor off", "write one of"),
]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files of the mistakes, by the names that the table has for them."""
    folder = tmp_path_factory.mktemp("mistakes")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "none").mkdir()
    return {path.name: path for path in folder.iterdir()}


def refusal(environ: dict[str, str]) -> tuple[str, ...]:
    """Return what a start is refused for, before it asks nginx."""
    with pytest.raises(ConfigError) as refused:
        examine(environ)
    return refused.value.args


def examine(environ: dict[str, str]) -> None:
    """Do what a start does first."""
    settings = Settings.from_environ(environ)
    options.check(ROOT, settings, environ)
    plan.files(ROOT, settings, environ)


def variables(written: str, places: dict[str, Path]) -> dict[str, str]:
    """Read the first column: NAME=value each, and -NAME for one that is not set."""
    given = {"APP_DIR": "{code}", "APP_MODULE": "shop:app"}
    for each in re.split(r" (?=-?[A-Z_]+(?:=|$))", written):
        name, _, value = each.partition("=")
        given[name] = value
    removed = {name[1:] for name in given if name.startswith("-")}
    kept = {name: text for name, text in given.items() if name.strip("-") not in removed}
    return {name: filled(text, places) for name, text in kept.items()}


def filled(text: str, places: dict[str, Path]) -> str:
    """Put paths in the place of the files' names."""
    return re.sub(r"\{(\w+)\}", lambda name: str(places[name[1]]), text)


@pytest.mark.parametrize(("written", "value", "reason", "remedy"), MISTAKES)
def test_a_mistake_is_named_with_its_value_the_reason_and_a_remedy(
    places: dict[str, Path], written: str, value: str | None, reason: str, remedy: str
) -> None:
    (mistake,) = refusal(variables(written, places))
    name, separator, rest = mistake.partition(": ")
    assert separator
    assert f"{name}=" in written
    assert value is None or repr(filled(value, places)) in rest
    assert reason in rest
    assert remedy in rest[rest.index(reason) :]
    assert mistake.isprintable()
    assert "\n" not in mistake


def test_there_are_a_hundred_and_every_setting_that_can_be_wrong_has_one() -> None:
    assert len(MISTAKES) > 100
    wrong = {name for mistake in MISTAKES for name in re.findall(r"([A-Z_]+)=", mistake[0])}
    assert {name for name in names() if not name.endswith("_FILE")} <= wrong


def test_a_file_of_the_application_is_named_with_its_line(places: dict[str, Path]) -> None:
    (mistake,) = refusal(variables("APP_MODULE=broken:app", places))
    assert mistake.startswith(f"{places['code']}/broken.py, line 1: 'def hello(:': ")
    assert mistake.endswith("; correct it")


def test_all_mistakes_are_told_at_once(places: dict[str, Path]) -> None:
    written = "ALLOWED=no LISTEN_PORT=x DEV=x CLIENT_MAX_BODY_SIZE=x TRUSTED_PROXIES=x"
    assert len(refusal(variables(written, places))) == 5

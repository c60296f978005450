"""Real proxies in front of a stack, each from the distribution: Caddy, HAProxy and nginx."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.support.skips import leave_out
from tests.support.stacks import reserve
from tests.support.wait import wait_until

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"

CADDY = """
{{
    admin off
    skip_install_trust
    auto_https disable_redirects
}}
:{caddy} {{
    tls {chain} {key}
    reverse_proxy 127.0.0.1:{plain}
}}
"""

# By name: TLS here and plain behind, TLS on both sides, and plain on both.
NGINX = """
{user}
pid {folder}/nginx.pid;
daemon off;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    ssl_certificate {chain};
    ssl_certificate_key {key};
    server {{
        listen {nginx} ssl;
        location / {{ proxy_pass http://127.0.0.1:{plain}; }}
    }}
    server {{
        listen {nginx_to_tls} ssl;
        location / {{ proxy_pass https://127.0.0.1:{tls}; }}
    }}
    server {{
        listen {nginx_plain};
        location / {{ proxy_pass http://127.0.0.1:{plain}; }}
    }}
}}
"""

HAPROXY = """
global
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
listen forwarded
    bind 127.0.0.1:{haproxy} ssl crt {pem}
    option forwardfor
    http-request set-header X-Forwarded-Proto https
    server stack 127.0.0.1:{plain}
"""

PASSING = """
defaults
    mode tcp
    timeout connect 10s
    timeout client 60s
    timeout server 60s
listen v1
    bind 127.0.0.1:{v1}
    server stack 127.0.0.1:{tls} send-proxy
listen v2
    bind 127.0.0.1:{v2}
    server stack 127.0.0.1:{tls} send-proxy-v2
listen plain
    bind 127.0.0.1:{v2_plain}
    server stack 127.0.0.1:{plain} send-proxy-v2
"""

# How each is started in the foreground, with its configuration's name at the end.
COMMANDS = {
    "caddy": ("caddy", "run", "--adapter", "caddyfile", "--config"),
    "nginx": ("nginx", "-e", "stderr", "-c"),
    "haproxy": ("haproxy", "-db", "-f"),
}


@contextmanager
def running(
    configurations: dict[str, str], ports: tuple[str, ...], folder: Path, **words: str
) -> Iterator[dict[str, int]]:
    """Run proxies, by program; configurations name ports of these names, and other words."""
    # By default workers of a root nginx run as nobody, who may not write here.
    words["user"] = "user root;" if os.geteuid() == 0 else ""
    with ExitStack() as ends:
        reserved = {name: ends.enter_context(reserve()) for name in ports}
        found = {name: each.getsockname()[1] for name, each in reserved.items()}
        for program, text in configurations.items():
            conf = folder / f"{program}.conf"
            conf.write_text(text.format(folder=folder, **found, **words))
            ends.enter_context(started(program, conf))
        wait_until(lambda: all(map(listens, found.values())))
        yield found


@contextmanager
def started(program: str, conf: Path) -> Iterator[None]:
    """Run one proxy."""
    path = os.environ["PATH"] + ":" + SBIN
    if not shutil.which(program, path=path):
        leave_out(f"{program} is not installed")
    environ = {"PATH": path, "HOME": str(conf.parent), "XDG_DATA_HOME": str(conf.parent)}
    with (
        conf.with_suffix(".log").open("wb") as log,
        subprocess.Popen(
            [*COMMANDS[program], str(conf)],
            env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        ) as process,
    ):  # fmt: skip
        try:
            yield
        finally:
            process.terminate()


def listens(port: int) -> bool:
    """Say whether a port takes connections."""
    with suppress(ConnectionError):
        socket.create_connection(("127.0.0.1", port), 10).close()
        return True
    return False

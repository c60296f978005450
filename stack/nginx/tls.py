"""HTTPS: what conf/tls.conf does not know of it."""

from __future__ import annotations

from stack.nginx import listening, proxies
from stack.settings.table import Settings


def files(settings: Settings, nginx: tuple[int, ...], ipv6: bool) -> dict[str, str]:
    """Render run/tls.conf, where there is a certificate; nginx is its version."""
    if not settings.tls_certificate_file:
        return {}
    # From 1.25.1 on `http2` is a directive of its own, and the parameter is warned of.
    how, lines = (["ssl"], ["http2 on;"]) if nginx >= (1, 25, 1) else (["ssl", "http2"], [])
    if nginx < (1, 23, 2):
        # Their key would stay the same for as long as nginx runs.
        lines.append("ssl_session_tickets off;")
    if settings.tls_client_ca_file:
        lines.append("include client_certificates.conf;")
    believed = settings.trusted_proxies or ()
    text = (
        listening.listen(settings, settings.tls_port, ipv6, *how)
        + "".join(f"{line}\n" for line in lines)
        + proxies.real_ip(believed, settings.real_ip_header)
    )
    return {"tls.conf": text}


def variables(settings: Settings) -> dict[str, str]:
    """Give the variables with which conf/ reads the settings of TLS."""
    hsts = {"hsts_wanted": "" if settings.hsts == "off" else f"max-age={settings.hsts}"}
    if not settings.tls_certificate_file:
        return hsts | {"to_https": "", "without_certificate": ""}
    redirect = settings.tls_redirect
    published = settings.tls_port if redirect == "on" else redirect
    return hsts | {
        "tls_port": f"{settings.tls_port}",
        "tls_redirect": "off" if redirect == "off" else "on",
        "https_port": "" if str(published) == "443" else f":{published}",
        "client_certificates": "on" if settings.tls_client_ca_file else "",
    }

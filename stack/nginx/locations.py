"""Which paths are the application's and which are files."""

from __future__ import annotations

from stack.settings import static
from stack.settings.table import Settings

APPLICATION = "include application.conf;"
CACHED = "include cached.conf;"
STATIC = "include static.conf;"
PAGE = "include spa.conf;"


def locations(settings: Settings) -> str:
    """Render locations.conf; the files that it includes are in conf/."""
    text = of_paths(settings)
    if settings.rate_limit and settings.response_cache == "on":
        return text.replace(APPLICATION, CACHED) + location("@counted", APPLICATION)
    return text


def of_paths(settings: Settings) -> str:
    """Render which paths are whose."""
    path, page, url = settings.static_path, settings.spa_fallback, settings.static_url
    rest = location("/", APPLICATION)
    if not path:
        return rest
    files = location(url, f'alias "{path}/";', "try_files $uri =404;", STATIC)
    if not page:
        return rest + files
    its = (f'root "{path}";', f"try_files /{page} =404;", PAGE)
    if settings.spa_api_prefix == static.ALL:
        return location("= /", *its) + rest + files
    # The prefix itself too: nginx would redirect it to the one with the / at its end.
    api = "".join(
        location(where, APPLICATION)
        for prefix in settings.spa_api_prefix
        for where in (f"= {prefix.rstrip('/')}", prefix)
    )
    if url != "/":
        return api + location("/", *its) + files
    either = location("/", f'root "{path}";', f"try_files $uri /{page};", STATIC)
    return api + either + location(f"= /{page}", f'root "{path}";', PAGE)


def location(where: str, *lines: str) -> str:
    """Render one location."""
    return "".join([f"location {where} {{\n", *(f"    {line}\n" for line in lines), "}\n"])

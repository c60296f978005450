"""Which paths are the application's and which are files."""

from __future__ import annotations

from stack.settings.table import Settings

STATIC = "include static.conf;"


def locations(settings: Settings) -> str:
    """Render locations.conf; the files that it includes are in conf/."""
    path, fallback = settings.static_path, settings.spa_fallback
    if fallback:
        return (
            location(settings.spa_api_prefix, "include application.conf;")
            + location("/", f'root "{path}";', f"try_files $uri /{fallback};", STATIC)
            + location(f"= /{fallback}", f'root "{path}";', "include spa.conf;")
        )
    files = location(settings.static_url, f'alias "{path}/";', "try_files $uri =404;", STATIC)
    return location("/", "include application.conf;") + (files if path else "")


def location(where: str, *lines: str) -> str:
    """Render one location."""
    return "".join([f"location {where} {{\n", *(f"    {line}\n" for line in lines), "}\n"])

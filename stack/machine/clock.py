"""Times for people, and how long there is until then."""

from __future__ import annotations

import time

DAY = 86400

# Days before its end from which on a certificate is warned of.
SOON = 14


def date(seconds: float) -> str:
    """Write a time, in seconds since the epoch."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def ending(ends: float, now: float) -> str:
    """Say that a certificate ends soon, or has ended; nothing while there is time."""
    left = ends - now
    if left <= 0:
        return f"the certificate has ended on {date(ends)}, and clients refuse it; renew it"
    if left >= SOON * DAY:
        return ""
    until = f"{left / DAY:.0f} days" if left >= 2 * DAY else f"{left / 3600:.0f} hours"
    return f"the certificate ends in {until}, on {date(ends)}; renew it"

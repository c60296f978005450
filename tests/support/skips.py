"""What cannot be tested here: left out loudly by a developer's machine, and a failure in CI."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def leave_out(reason: str) -> NoReturn:
    """Skip the test that runs, unless everything has to be checked (REQUIRE_IMAGE=1)."""
    if os.environ.get("REQUIRE_IMAGE") == "1":
        pytest.fail(f"everything has to be checked, and {reason}")
    pytest.skip(reason)

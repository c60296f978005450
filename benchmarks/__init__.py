"""What the stack can do, beside others, on one machine: python -m benchmarks."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent

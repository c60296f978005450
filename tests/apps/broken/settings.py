"""A setting that is not one."""

PORT = int("eighty")

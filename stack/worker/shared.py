"""Imported by uWSGI once, before it makes workers: what they can share in memory."""

import gc

import flask  # noqa: F401 - 20 MB that no worker needs to have for itself

# A collection writes to every object it looks at, and so makes each page the worker's own.
gc.collect()
gc.freeze()

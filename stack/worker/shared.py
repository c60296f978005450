"""Imported by uWSGI once, before it makes workers: what they can share in memory."""

import gc

import flask  # noqa: F401 - 20 MB that no worker needs to have for itself

# The garbage collector writes to every object that it looks at, and so would copy each shared page.
gc.collect()
gc.freeze()

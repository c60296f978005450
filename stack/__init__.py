"""From the environment to a running stack; entrypoint.py is the way in."""

# The release that this is, or the next one; CHANGELOG.md begins with it, and a tag v... must match.
VERSION = "1.0.0"

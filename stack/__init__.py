"""From the environment to a running stack; entrypoint.py is the way in."""

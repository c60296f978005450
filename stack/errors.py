"""The mistakes that end a command with status 78."""


class ConfigError(Exception):
    """What was given cannot be used; each argument is one mistake, complete with its remedy."""

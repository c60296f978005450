"""The mistakes that end a command with status 78, and how a value is quoted in them."""


class ConfigError(Exception):
    """What was given cannot be used; each argument is one mistake, complete with its remedy."""


def quoted(text: str) -> str:
    """Quote a value for a message: control characters escaped, and never a screenful."""
    return repr(text if len(text) <= 80 else f"{text[:77]}...")

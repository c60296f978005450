"""A kind of data."""


class User:
    """Somebody."""

    def __init__(self, name):
        """Remember the name."""
        self.name = name

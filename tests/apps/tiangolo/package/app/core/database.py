"""Some data."""

from ..models.user import User

USERS = [User("Ada"), User("Grace")]

"""What the tests share: launchers, clients, load, and the only way to wait."""

"""uWSGI: its options, what it says, and what it is told."""

"""The interface; its modules are imported both ways, from here and from the top."""

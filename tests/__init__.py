"""One suite, two launchers: the stack on the host and the image."""

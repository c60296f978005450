"""The folder run/, the only one that is ever written."""

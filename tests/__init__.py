"""The checks: a folder for each room of stack/, and one for what is delivered."""

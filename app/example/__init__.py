"""The example application: replace this folder with your own."""

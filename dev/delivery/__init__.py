"""Publishing: what is built is tested where it will be pulled from, and only then gets a tag.

python3 -m dev.delivery COMMAND, see __main__.py. Each command is one step of
.github/workflows/publish.yml, and is told by variables what the steps before it found out.
"""

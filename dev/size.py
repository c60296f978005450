"""What the image weighs, and how much of it is ours: python3 -m dev.size [IMAGE]."""

from __future__ import annotations

import json
import subprocess

from dev import Problem, finish, image

# Of what we add to the base and to Alpine's python3, in bytes. Whoever pulls the image pays for it.
LIMIT = 18_000_000

NOT_OURS = ("base: nginx and its system", "python3")

# Words of the Dockerfile's lines, as `docker history` repeats them; the first that fits counts.
PARTS = {
    "/opt/venv-app": "`/opt/venv-app`: pip",
    "/opt/venv": "`/opt/venv`: Flask, uWSGI, supervisor",
}
REST = "`/srv` and its commands"


def main(arguments: list[str]) -> int:
    """Print the table of an image, of one that is built now unless one is named."""
    if arguments and arguments[0]:
        name = arguments[0]
    else:
        name = image.TAG
        image.build(name, image.base())
    sizes = parts(name)
    print(table(sizes), end="")
    if (size := ours(sizes)) > LIMIT:
        raise Problem(f"what is ours takes {size:,} bytes, and {LIMIT:,} are the most")
    return 0


def parts(name: str) -> dict[str, int]:
    """Give the bytes of each part of an image, the base first.

    Layers are counted: a file that a later layer changes or removes is still pulled.
    """
    command = ["docker", "history", "--human=false", "--no-trunc", "--format={{json .}}", name]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    # docker says the newest first.
    layers = [json.loads(line) for line in answer.stdout.splitlines()][::-1]
    lines = [layer["CreatedBy"] for layer in layers]
    python = next((at for at, line in enumerate(lines) if "apk add --no-cache python3" in line), 0)
    if not python:
        raise Problem(f"no layer of {name} adds python3: is it ours?")
    found = dict.fromkeys((*NOT_OURS, *PARTS.values(), REST), 0)
    for at, layer in enumerate(layers):
        found[belonging(lines[at]) if at > python else NOT_OURS[at == python]] += int(layer["Size"])
    return found


def belonging(line: str) -> str:
    """Name the part that a line of the Dockerfile belongs to."""
    copied = "COPY" in line
    return next((part for word, part in PARTS.items() if copied and word in line), REST)


def ours(sizes: dict[str, int]) -> int:
    """Add up what is neither the base's nor python3's."""
    return sum(size for part, size in sizes.items() if part not in NOT_OURS)


def table(sizes: dict[str, int]) -> str:
    """Write the sizes as a table."""
    rows = {**sizes, "all": sum(sizes.values()), "ours": ours(sizes), "ours, at most": LIMIT}
    lines = ["| | MB |", "|---|---:|"]
    lines += [f"| {name} | {size / 1e6:.1f} |" for name, size in rows.items()]
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    finish(main)

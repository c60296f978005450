"""A list that changes while it is asked: hypothesis's sequences of edits, reloads and requests."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.support.model import PEERS, Asked, mistakes
from tests.support.stacks import Stack

FILE = "app/allowed.txt"

# Few, so that what one list has another lacks.
ENTRIES = (
    *PEERS,
    *("127.0.0.4/31", "127.0.0.0/29", "0.0.0.0/0", "::/0", "198.51.100.0/24", "2001:db8::/32"),
    *(f"10.0.{number}.0/24" for number in range(3)),
)
NAMES = ("198.51.100.7", "2001:db8::7", "10.0.1.7", "::ffff:127.0.0.3", "203.0.113.9")
WRONG = ("", "nobody", "127.0.0.1/8", "127.0.0.3; 127.0.0.0/33")

peers = strategies.sampled_from(PEERS)
names = strategies.sampled_from((*PEERS, *NAMES))
targets = strategies.sampled_from(("/", "/x", "/kept/1", "/files/file.txt"))
lists = strategies.lists(strategies.sampled_from(ENTRIES), min_size=1, max_size=6)


def write(folder: Path, text: str) -> None:
    """Write the list, at no moment a part of it: somebody may be reading."""
    (folder / "unfinished").write_text(text)
    (folder / "unfinished").replace(folder / "allowed.txt")


def machine(stack: Stack, folder: Path, naming: str | None) -> type[RuleBasedStateMachine]:
    """Describe what can be done to a stack that reads its list from a folder's allowed.txt."""

    class Changing(RuleBasedStateMachine):
        """Knows which list is in force: the one that was there at the last good reload."""

        in_force: list[str]
        written: list[str] | None

        @initialize(entries=lists)
        def begin(self, entries: list[str]) -> None:
            self.edit(entries)
            self.reload()

        @rule(entries=lists)
        def edit(self, entries: list[str]) -> None:
            write(folder, "\n".join(entries))
            self.written = entries

        @rule(text=strategies.sampled_from(WRONG))
        def spoil(self, text: str) -> None:
            write(folder, text)
            self.written = None

        @rule()
        def reload(self) -> None:
            answer = stack.run("./entrypoint.py", "reload")
            assert answer.returncode == (0 if self.written else 78), answer.stderr
            self.in_force = self.written or self.in_force

        @rule(peer=peers, said=strategies.lists(names, max_size=2), path=targets, many=names)
        def ask(self, peer: str, said: list[str], path: str, many: str) -> None:
            # A PROXY line names one client, always.
            lines = [(many,)] if naming == "proxy_protocol" else [tuple(said), (many, *said)]
            asked = [Asked(peer, naming, each, target=path) for each in lines]
            assert list(mistakes(stack, self.in_force, asked)) == []

    return Changing

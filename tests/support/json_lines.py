"""Lines of the access log as nginx could write them, and worse, in pieces of any length."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from stack.supervision.output import Output

FIELDS = (
    *("time", "remote_addr", "remote_user", "method", "uri", "protocol", "status", "bytes"),
    *(
        "referer",
        "user_agent",
        "request_time",
        "upstream_time",
        "queue_time",
        "cache",
        "request_id",
    ),
)
NUMBERS = {"status", "bytes", "request_time"}
DIFFERENT = 5000  # lines, which come again, but in other pieces and beside others
LONG = 4000  # bytes of a line that comes more seldom: to read one takes a hundred times as long
ESCAPES = {b: rb"\u%04X" % b for b in range(32)} | {34: rb"\"", 92: rb"\\", 10: rb"\n", 9: rb"\t"}


class Caught:
    """In the place of a log: keeps what is written."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.data = bytearray()

    def write(self, text: str | bytes) -> None:
        """Keep it."""
        self.data += text.encode() if isinstance(text, str) else text


def caught(level: str = "info") -> tuple[Output, Caught, Caught]:
    """Make an output whose two streams are kept."""
    out, err = Caught(), Caught()
    output = Output(lambda text: err.write(f"WARN {text}\n"), level)
    output.stdout, output.stderr = out, err  # type: ignore[assignment]
    return output, out, err


def value(chance: random.Random) -> bytes:
    """Make what a client could send, escaped as nginx does: bytes above 127 stay as they are."""
    match chance.randrange(5):
        case 0:
            text = chance.randbytes(chance.randrange(40))
        case 1:
            text = "äß€😀\u2028".encode() * chance.randrange(3)
        case 2:
            text = b'{"time":"' + chance.randbytes(3) + b'"}\n\tdenied\t'
        case 3 if chance.random() < 0.01:
            text = chance.randbytes(1) * chance.randrange(20_000)
        case _:
            text = b"/a/path?with=query"
    return b"".join(ESCAPES.get(byte, bytes([byte])) for byte in text)


def line(chance: random.Random) -> bytes:
    """Make a line as nginx writes it, or one of those that tell something."""
    if chance.random() < 0.05:
        fields = [b"denied", b"10.0.0.%d" % chance.randrange(20), *[b"x"] * 8]
        return b"\t" + b"\t".join(fields) + b"\n"
    pairs = (
        b'"%b":%b' % (name.encode(), b"1" if name in NUMBERS else b'"%b"' % value(chance))
        for name in FIELDS
    )
    return b"{" + b",".join(pairs) + b"}\n"


def stream(chance: random.Random, lines: int) -> Iterator[bytes]:
    """Make pieces of so many lines; now and then one is put into the midst of another."""
    made = [line(chance) for _ in range(DIFFERENT)]
    weights = [1 if len(each) > LONG else 10 for each in made]
    rest = b""
    for number in chance.choices(range(DIFFERENT), weights, k=lines):
        rest += made[number]
        if chance.random() < 0.01:
            place = chance.randrange(len(rest))
            rest = rest[:place] + made[-1 - number] + rest[place:]
        if chance.random() < 0.2:
            place = chance.randrange(len(rest) + 1)
            yield rest[:place]
            rest = rest[place:]
    yield rest


def broken(seed: int, lines: int) -> list[str]:
    """Have so many lines pass, and describe those that are no JSON or no UTF-8 afterwards."""
    output, out, err = caught()
    for piece in stream(random.Random(seed), lines):  # noqa: S311
        output.heard("nginx", "stdout", piece)
    found = [f"raised: {err.data!r}"] if b"Traceback" in err.data else []
    made = bytes(out.data).split(b"\n")
    if len(made) < lines * 0.9:
        found.append(f"only {len(made)} lines of {lines}")
    for each in dict.fromkeys(made[:-1]):
        try:
            assert isinstance(json.loads(each.decode(), parse_constant=refuse), dict)
        except (ValueError, AssertionError):
            found.append(f"no JSON: {each!r}")
    return found


def refuse(word: str) -> None:
    """Refuse what Python takes for JSON and others do not."""
    raise ValueError(word)

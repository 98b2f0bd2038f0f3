"""Short, safe strings for pictures: one line, of known width, with nothing that steers what shows them."""

import re
import unicodedata

__all__ = ["cells", "clean", "key_and_text", "shorten"]

# Control characters, line ends, marks that turn the reading direction, halves of surrogate pairs and
# non-characters: XML forbids some, UTF-8 others, terminals obey others. The joiners U+200C and U+200D stay:
# scripts and emoji need them.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufff0-\uffff]"
)
_KEYED = re.compile(r"([^\s:=]{1,16})(?:: | ?= ?)(.*)", re.DOTALL)
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def clean(text: str) -> str:
    r"""The text as one line: what could break a file or a terminal becomes an escape such as \n or \x1b."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(_escaped, text)


def cells(text: str) -> int:
    """How many columns of a monospaced font the text fills (Chinese 2, combining accents 0)."""
    if text.isascii():
        return len(text)
    return sum(_cells_of(character) for character in text)


def shorten(text: str, limit: int) -> str:
    """The text, cut to at most that many columns, the last of them an ellipsis where something was cut."""
    if cells(text) <= limit:
        return text
    kept, room = [], limit - 1
    for character in text:
        room -= _cells_of(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


def key_and_text(line: str) -> tuple[str, str]:
    """Splits "value: 6.0" or "value = 6.0" into ("value", "6.0"); a line without a key gives ("", line)."""
    found = _KEYED.fullmatch(line)
    return (found[1], found[2]) if found else ("", line)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return _NAMED.get(found[0]) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1

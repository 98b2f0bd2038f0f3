"""Tables as plain text and as HTML, for what reports print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def size(n: int) -> str:
    """A number of bytes: 12 B, 1.5 kB, 3.0 MB."""
    x = float(n)
    for unit in ("B", "kB", "MB", "GB"):
        if x < 1000 or unit == "GB":
            break
        x /= 1000
    return f"{n} B" if unit == "B" else f"{x:.1f} {unit}"


def text(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns under their headers, separated by two blanks; a column that begins with a size or number is
    aligned to the right."""
    lines = [list(headers), *[list(r) for r in rows]]
    widths = [max(len(r[i]) for r in lines) for i in range(len(headers))]
    right = [len(lines) > 1 and lines[1][i][:1].isdigit() for i in range(len(headers))]
    return "\n".join(
        "  ".join(
            c.rjust(w) if to_right else c.ljust(w) for c, w, to_right in zip(r, widths, right, strict=True)
        ).rstrip()
        for r in lines
    )


def html(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The same as an HTML table."""
    head = "".join(f"<th>{escape(c)}</th>" for c in headers)
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in r) + "</tr>" for r in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

"""Hooks of mkdocs.yml: the words behind the language of a fence (`python raises`) go; MkDocs knows none."""

from __future__ import annotations

import re
from typing import Any

FENCE = re.compile(r"^(`{3,}\w+) .*$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """A page before it becomes HTML."""
    return FENCE.sub(r"\1", markdown)

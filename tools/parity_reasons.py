"""What of torch's arguments is left out, and which functions deviate although names and arguments agree."""

from __future__ import annotations

# Named tensors, and names that torch's stubs have and torch itself does not take.
ARGUMENTS = "names|dims?name|out_dtype|self|x|tensor|from_|implicit"

# By patterns of full names; the first that matches holds.
DEVIATES: dict[str, str] = {}

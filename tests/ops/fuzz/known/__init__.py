"""Known differences, by what is seen."""

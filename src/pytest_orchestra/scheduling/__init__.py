"""Pure decisions about a run: no pytest, no clock, no processes, no files."""

"""Runs a pytest suite by what its tests depend on, how urgent they are and what they need."""

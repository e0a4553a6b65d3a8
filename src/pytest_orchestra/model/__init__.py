"""Frozen data that the other layers exchange. Imports nothing but the standard library."""

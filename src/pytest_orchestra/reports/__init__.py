"""The record of a run in the forms that people and other programs read. Nothing here imports pytest."""

"""The record of a run in the forms that people and CI systems read; nothing here imports pytest."""

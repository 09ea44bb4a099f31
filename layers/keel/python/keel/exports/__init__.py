"""Exports: all records of a kind as a file."""

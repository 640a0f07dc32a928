"""Adapters that keep everything in SQLite files on this machine."""

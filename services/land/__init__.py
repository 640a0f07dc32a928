"""Imports, validation and the LandService."""

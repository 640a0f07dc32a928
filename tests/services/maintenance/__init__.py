"""Tests of the settings page's service."""

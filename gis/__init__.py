"""Cadastral geometry and rules: a pure library without network and gRPC."""

"""How the system is, and what its workers could not use."""

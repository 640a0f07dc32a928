"""The polite crawler: discovery, robots, extraction, masking, fingerprints."""

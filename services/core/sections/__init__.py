"""The sections of the settings, one module for each matter; `services.core.config` makes one tree of them."""

"""The AreaService, a thin door to `services.core.areas`."""

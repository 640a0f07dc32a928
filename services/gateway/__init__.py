"""REST transcoded from the protos, and the dashboard."""

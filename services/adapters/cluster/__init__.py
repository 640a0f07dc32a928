"""Adapters over servers: NATS JetStream, PostgreSQL with PostGIS, Elasticsearch."""

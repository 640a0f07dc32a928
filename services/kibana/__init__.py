"""Kibana as code: dashboards described once, written for the Dashboards API and as saved objects, and asked as queries."""

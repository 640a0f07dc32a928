"""What a monitoring system is given: rules that raise alerts, a dashboard, and the page that explains both."""

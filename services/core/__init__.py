"""The only code that everything shares: settings, errors, ports, names, time, text, areas."""

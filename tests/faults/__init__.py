"""Faults and abuse: kills, power cuts, full disks, stopped processes, wrong clocks. README.md lists every case."""

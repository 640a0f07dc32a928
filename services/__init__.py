"""The services of Ngọc Linh: one folder each, joined by gRPC only."""

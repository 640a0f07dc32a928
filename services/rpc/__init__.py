"""gRPC plumbing: servers, interceptors, status mapping."""

"""The whole product over the real servers of the cluster mode."""

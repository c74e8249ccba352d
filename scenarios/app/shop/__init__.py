"""The order service under drill: what its releases have in common."""

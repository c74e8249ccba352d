"""The releases of the order service: one module each, with a `create_app` that takes no argument."""

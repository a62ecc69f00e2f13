"""The whole app, where a test needs a stack of its own: other settings, or parts that fail."""

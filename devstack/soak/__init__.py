"""The soak: the stack under load while its parts are killed, stopped and made to misbehave."""

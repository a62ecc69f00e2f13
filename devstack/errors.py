"""What can go wrong with the stack itself; each message is shown to a person as it is."""


class StackError(Exception):
    """The stack cannot do what was asked; the message says what to do."""


class PartFailedError(StackError):
    """A part did not start, or ended by itself; the message holds what it wrote."""


class PortInUseError(StackError):
    """A part found its port taken.

    Attributes:
        part: The part, as people call it.
        port: The number.
    """

    def __init__(self, part: str, port: int) -> None:
        """Name the part and the number."""
        super().__init__(
            f"{part} cannot listen: port {port} is in use. "
            "End the program that uses it, or choose another port."
        )
        self.part = part
        self.port = port

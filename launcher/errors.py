"""What can keep the product from starting, in one sentence."""


class LaunchError(Exception):
    """The product cannot start or go on; the message says what to do."""

"""The one exception that means: the user's input is at fault, and this line says how."""


class InputError(ValueError):
    """Names the bad file or value and what to do about it.

    The command line prints it as one line and exits with 2; in Python it is a ValueError.
    """

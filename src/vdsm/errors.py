"""The one exception that means: the user's input is at fault, and this line says how."""


class InputError(ValueError):
    """Names the bad file or value and what to do about it.

    The command line prints it as one line and exits with 2; in Python it is a ValueError.
    """


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python's or PyTorch's allocator failed, on a CPU or a GPU."""
    said = str(error)
    short = "can't allocate memory" in said or "out of memory" in said
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and short)

"""The one exception that means: the user's input is at fault, and this line says how."""


class InputError(ValueError):
    """Names the bad file or value and what to do about it.

    The command line prints it as one line and exits with 2; in Python it is a ValueError.
    """


# As PyTorch says it: its allocators', C++'s (Linux, Windows), oneDNN's, the system's.
NO_MEMORY = (
    *("can't allocate memory", "out of memory", "bad_alloc", "bad allocation"),
    *("could not create a memory object", "Cannot allocate memory", "not enough memory"),
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python's or PyTorch's allocator failed, on a CPU or a GPU."""
    said = str(error)
    short = any(words in said for words in NO_MEMORY)
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and short)

"""Randomness by name: each measurement draws from its own stream, whatever else is measured."""

import zlib

import numpy as np


def generator(seed: int, name: str) -> np.random.Generator:
    """The stream of one measurement: a function of the seed and the measurement's name alone."""
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))


def integer(seed: int, name: str) -> int:
    """A 31-bit seed for a library that wants an integer."""
    return int(generator(seed, name).integers(2**31))

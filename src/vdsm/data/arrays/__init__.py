"""Clips that lie in arrays: .npy, .npz, HDF5, pickles, folders of .npy, and tars of WebDataset."""

from vdsm.data.arrays.make import make
from vdsm.data.arrays.options import ArraysOptions

__all__ = ["ArraysOptions", "make"]

"""Your own videos: a tree of files, or a table of them, decoded once into a dataset folder."""

from vdsm.data.folder.make import make, most_clips
from vdsm.data.folder.options import FolderOptions

__all__ = ["FolderOptions", "make", "most_clips"]

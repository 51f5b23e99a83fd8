"""G3AN: Wang, Bilinski, Bremond, Dantcheva, CVPR 2020."""

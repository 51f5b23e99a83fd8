"""DiffSDA: Zisling, Naiman, Berman, Suwajanakorn, Azencot, ICLR 2026."""

"""DiffSDA: Berman, Naiman, Azencot and others, ICLR 2026."""

"""SKD: Berman, Naiman, Azencot, ICLR 2023."""

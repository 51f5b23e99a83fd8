"""DBSE: Berman, Naiman, Arbiv, Fadlon, Azencot, ICLR 2024."""

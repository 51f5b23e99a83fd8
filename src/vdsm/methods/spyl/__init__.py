"""SPYL: Naiman, Berman, Azencot, ICML 2023."""

"""SSM-SKD: a Koopman autoencoder whose operator is that of each clip (NeurIPS 2025)."""

"""Parts that several methods share: networks of frames, sequences, and what a VAE of clips does."""

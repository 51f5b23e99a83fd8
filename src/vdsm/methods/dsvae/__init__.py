"""DSVAE: Li and Mandt, Disentangled Sequential Autoencoder, ICML 2018."""

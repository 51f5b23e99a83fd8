"""C-DSVAE: Bai, Wang, Gomes, Contrastively Disentangled Sequential VAE, NeurIPS 2021."""

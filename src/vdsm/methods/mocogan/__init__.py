"""MoCoGAN: Tulyakov, Liu, Yang, Kautz, CVPR 2018."""

"""S3VAE: Zhu, Min, Kadav, Graf, CVPR 2020."""

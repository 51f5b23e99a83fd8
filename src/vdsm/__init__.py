"""VDSM: unsupervised video disentanglement with a state-space model and a mixture of experts."""

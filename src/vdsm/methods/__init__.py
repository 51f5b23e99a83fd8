"""Methods: the model of the paper, and what it is compared with."""

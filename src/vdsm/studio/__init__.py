"""A page for a trained model: drag who onto what, on this machine, without a network."""

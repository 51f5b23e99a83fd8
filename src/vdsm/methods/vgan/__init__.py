"""VGAN: Vondrick, Pirsiavash, Torralba, NeurIPS 2016."""

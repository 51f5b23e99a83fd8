"""Training: the stages as data, given to the one loop in `loop.py`."""

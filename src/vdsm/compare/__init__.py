"""Runs of several methods on one dataset, side by side: one table and one picture."""

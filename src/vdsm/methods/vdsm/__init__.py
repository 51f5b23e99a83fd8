"""The model, one file per part of the paper's Figs. 3 and 4; `vdsm.py` puts them together."""

"""TGAN: Saito, Matsumoto, Saito, ICCV 2017."""

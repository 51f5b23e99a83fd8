"""What we add to the paper: every part can be switched off."""

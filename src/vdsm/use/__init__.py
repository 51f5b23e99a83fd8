"""What a trained model is for: codes, swaps and new clips of what the user names, as files."""

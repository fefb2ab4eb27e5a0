"""Models: per family, one file for training and one for serial generation and inspection."""

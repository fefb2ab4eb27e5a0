"""What layers are put together to: one file a family of models, and one for its side that looks and writes."""

"""Corpora, vocabularies and batches: from files to the tokens that a model is trained on."""

"""Corpora, vocabularies and batches: from what a person has to the tokens a model is trained on."""

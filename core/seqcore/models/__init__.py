"""Whole models, one file a family: names and shapes, workspace, forward and backward."""

"""Nets, folds, and how they are trained."""

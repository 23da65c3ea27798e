"""Folds on disk, and many of them by papermill on Dask."""

"""Synthetic people, faces and clips."""

"""Scores, intervals, calibration: what a table may claim."""

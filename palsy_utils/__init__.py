"""Support module of the facial-palsy notebook series; importing it loads nothing heavy."""

__version__ = "0.1.0"

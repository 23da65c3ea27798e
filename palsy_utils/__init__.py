"""Support module of the facial-palsy notebook series: a shelf of short functions, one file a topic.

Importing it loads nothing heavy; every module imports what it needs itself.
"""

__version__ = "0.1.0"

"""Grades a notebook by what it did: `grader check submission.ipynb`. Start at `grader/pipeline.py`."""

__version__ = "0.1.0"

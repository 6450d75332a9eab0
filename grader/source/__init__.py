"""The source witness: what does the code say? Reads the ast of every cell and follows the data from the
tokenising function to each training. Runs nothing and imports nothing heavy.

START HERE: `read`. cells → order (interpret + calls*) → runs, observations, hazards.
"""

from grader.source.witness import read

__all__ = ["read"]

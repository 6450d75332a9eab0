"""The recorded witness: what the stored outputs say, and only they.

What this is: `read`, which turns outputs into TrainingRuns, Evaluations and Observations.
What this is not: it never looks at what the code means (only at which numbers are typed into it), and
it never judges. An output may come from older code: `checks` compares it with the other witnesses.

The rooms, from the outside in: `witness` (the walk over the cells), `trainer` → `runs` (Hugging Face
Trainer), `keras`, `loops` (hand-written training), `printed`, `typed`, `dicts`, `tables`, `numbers`
(reading), `padding` (arithmetic), `loaded`, `context` (everything else). Called by the pipeline.
"""

from grader.recorded.witness import read

__all__ = ["read"]

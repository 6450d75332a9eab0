"""Evidence → Judgement: the three rubric items, the five PRT questions, the settled facts, the findings.

Pure functions: no file, no clock, no torch. Read in this order:
`join` and `padding` (one run out of three testimonies), `bucketing`, `accuracy`, `compare` (the facts),
`settle` (all facts of one submission), `loading`, `improving`, `comparing` (items 1 to 3), `findings`,
`questions`, and `decide`, the one place where a check's crash is caught.
"""

from grader.checks.decide import judge

__all__ = ["judge"]

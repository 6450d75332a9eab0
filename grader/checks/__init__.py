"""Evidence → Judgement: the three rubric items, the five PRT questions, the settled facts, the findings.

Pure functions: no file, no clock, no torch. Read in this order:
`join`, `padding`                     one run out of three testimonies
`bucketing`, `accuracy`, `compare`    the facts
`settle`                              all facts of one submission, in a `Case`
`loading`, `improving`, `comparing`   items 1 to 3 (with `shown`, `unproven`, `parts`, `tuning`,
                                      `tokenising`, `advice`)
`findings`, `questions`               what else a reader should know or ask
`decide`                              the order of it all, and where a check's crash is caught
"""

from grader.checks.decide import judge

__all__ = ["judge"]

"""A review round: who reviews whom, the sheets, the reviews read back, and what they are worth.

    roster.csv -> allocate -> handout (one folder a reviewer) -> people write
               -> collect -> compare (claims against evidence) -> reflect, weigh, merge

What this is: the part of the kit that a peer-review round needs, files only, no server. What it is not:
nothing here reads or runs a notebook; every fact about one comes from the evidence that `grader check`
or `grader batch` wrote. Called by `grader.cli.peers`.
"""

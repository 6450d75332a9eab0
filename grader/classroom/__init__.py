"""The classroom: the model, the data and the runtimes that notebooks ask for, without a network.

What it is: `prepare` makes a folder once that a sandbox mounts read-only; `doctor` says what is there;
`pick_runtime` names the Python environment a notebook was written for; `setup_runtime` builds one.
What it is not: nothing here runs a notebook or decides anything about one.
Called by the pipeline, the command line, and the observed and verified witnesses.
Reading order: layout (where things lie), assemble (prepare), data, models, runtime, generation, health.
"""

from grader.classroom.assemble import prepare
from grader.classroom.health import DoctorLine, doctor
from grader.classroom.layout import MODEL_ID, Classroom, find_home
from grader.classroom.runtime import available, pick_runtime, setup_runtime

__all__ = [
    "MODEL_ID",
    "Classroom",
    "DoctorLine",
    "available",
    "doctor",
    "find_home",
    "pick_runtime",
    "prepare",
    "setup_runtime",
]

"""Batch grading: a folder of submissions -> gradebook, reviews, class page. `grader batch FOLDER`.

    find.py        input as it comes -> Entry (student, notebook, why this one)
    work.py        one entry -> Done (evidence, judgement, files), in a worker process
    schedule.py    entries -> Done, several at a time; one bad notebook never stops the rest
    gradebook.py   the journal (SQLite or PostgreSQL); overrides are entries, never edits
    exports.py     gradebook -> CSV for people, Canvas, Moodle, Gradescope
    classpage.py   gradebook -> class.html
    similarity.py  pairs of notebooks that share much text: a hint for a person
    run.py         all of them in order

Imports go from run.py outwards; the rest don't know each other, except that all speak entries.py.
"""

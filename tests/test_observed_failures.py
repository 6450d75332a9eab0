"""Whose fault was it? Only what the classroom lacks is ours."""

import pytest

from grader.observed.failures import judged
from grader.records import Cell, CellRun, Ending, Lack, Output, Submission
from grader.sandbox import Event, Execution


def run(cells, errors, events=()):
    """cells: sources (or Cell); errors: index → (name, value)."""
    made = tuple(
        c if isinstance(c, Cell) else Cell(index=i, kind="code", source=c) for i, c in enumerate(cells)
    )
    runs = []
    for i, _ in enumerate(made):
        name, value = errors.get(i, ("", ""))
        ending = Ending.CELL_ERROR if name else Ending.COMPLETED
        runs.append(CellRun(index=i, ending=ending, seconds=0.1, error_name=name, error_value=value))
    runs.append(CellRun(index=-1, ending=Ending.COMPLETED, seconds=0.0))
    execution = Execution(cells=tuple(runs), ending=Ending.COMPLETED, events=tuple(events))
    return judged(Submission(name="n", sha256="", cells=made), execution)


def test_what_the_classroom_lacks_and_what_follows_from_it():
    cells = run(
        ["data = load_dataset('imdb')", "print(data)", "print(other)"],
        {
            0: ("FileNotFoundError", "[classroom] 교실에 없습니다 / the classroom lacks: data set imdb"),
            1: ("NameError", "name 'data' is not defined"),
            2: ("NameError", "name 'other' is not defined"),
        },
        [Event(0.1, 0, {"t": "missing", "wanted": "data set imdb"})],
    )
    assert [cell.environment for cell in cells] == [True, True, False]
    assert "imdb" in cells[0].why
    assert "cell 0" in cells[1].why


def test_a_cell_that_failed_for_its_author_is_not_ours():
    output = Output(kind="error", name="ModuleNotFoundError", text="No module named 'x'")
    cells = run(
        [Cell(index=0, kind="code", source="import x", outputs=(output,))],
        {0: ("ModuleNotFoundError", "No module named 'x'")},
    )
    assert not cells[0].environment


def test_own_mistakes_stay_own():
    cells = run(
        ["1/0", "df['nope']", "model.fit("],
        {0: ("ZeroDivisionError", "division by zero"), 1: ("KeyError", "'nope'"), 2: ("SyntaxError", "x")},
    )
    assert not any(cell.environment for cell in cells)


def test_the_budget_starves_what_comes_after():
    cell = Cell(index=0, kind="code", source="…", outputs=(Output(kind="stream", text="Step 1000"),))
    end = Event(1.0, 0, {"t": "run-end", "run": 0, "cut": True})
    assert run([cell], {0: ("KeyError", "'Step'")}, [end])[0].environment
    assert not run([cell], {0: ("KeyError", "'Step'")})[0].environment
    assert not run([cell], {0: ("SyntaxError", "x")}, [end])[0].environment


def test_a_layer_that_the_small_model_does_not_have():
    source = "for i in range(12):\n    model.bert.encoder.layer[i].trainable = False"
    cell = Cell(index=0, kind="code", source=source)
    error = CellRun(index=0, ending=Ending.CELL_ERROR, seconds=0.1, error_name="IndexError", error_value="x")
    execution = Execution(cells=(error,), ending=Ending.CELL_ERROR)
    submission = Submission(name="n", sha256="", cells=(cell,))
    assert judged(submission, execution, stand_in=True)[0].lack is Lack.LAYERS
    assert not judged(submission, execution)[0].environment


def test_gpu_and_network():
    cells = run(
        ["x.cuda()", "requests.get(u)", "pd.read_csv('a.csv')"],
        {
            0: ("RuntimeError", "Found no NVIDIA driver on your system"),
            1: ("ConnectionError", "Name or service not known"),
            2: ("FileNotFoundError", "[Errno 2] No such file or directory: 'a.csv'"),
        },
    )
    assert all(cell.environment for cell in cells)
    assert "a.csv" in cells[2].why


def test_a_stale_name_used_in_place_of_the_lost_one():
    """The cell that should have made `model` failed; an older `model` is still there and doesn't fit."""
    cells = run(
        ["model = torch_model()", "model = TFModel()", "model.compile(optimizer=o)", "frame['x']"],
        {
            1: ("ImportError", "TFModel requires the TensorFlow library"),
            2: ("TypeError", "compile() got an unexpected keyword argument 'optimizer'"),
            3: ("KeyError", "'x'"),
        },
    )
    assert [cell.environment for cell in cells] == [False, True, True, False]


@pytest.mark.parametrize(
    ("source", "error", "lack"),
    [
        ("open(p)", ("FileNotFoundError", "[Errno 2] No such file or directory: 'a.csv'"), Lack.THING),
        ("load()", ("OSError", "[classroom] gone"), Lack.THING),
        ("import x", ("ModuleNotFoundError", "No module named 'x'"), Lack.PACKAGE),
        ("x.cuda()", ("RuntimeError", "Found no NVIDIA driver on your system"), Lack.GPU),
        ("train()", ("OutOfMemoryError", "CUDA out of memory. Tried to allocate"), Lack.GPU_MEMORY),
        ("input()", ("StdinNotImplementedError", "raw_input was called"), Lack.PERSON),
        ("get(u)", ("ConnectionError", "Name or service not known"), Lack.NETWORK),
        ("y = trainer.predict(d)", ("ValueError", "must be the same length"), Lack.BATCHES),
    ],
)
def test_what_was_lacking_has_a_kind(source, error, lack):
    (cell,) = run([source], {0: error})
    assert cell.lack is lack and cell.why


def test_what_follows_from_an_earlier_cell_has_one_too():
    cells = run(
        ["data = load(p)", "print(data)"],
        {0: ("FileNotFoundError", "'a.csv'"), 1: ("NameError", "name 'data' is not defined")},
    )
    assert [cell.lack for cell in cells] == [Lack.THING, Lack.EARLIER]
    killed = CellRun(index=0, ending=Ending.OUT_OF_MEMORY, seconds=0.1, error_name="KernelDied")
    execution = Execution(cells=(killed,), ending=Ending.OUT_OF_MEMORY)
    submission = Submission(name="n", sha256="", cells=(Cell(index=0, kind="code", source="x"),))
    assert judged(submission, execution)[0].lack is Lack.MEMORY

"""A row is the same row whatever its padding, and is traced to the file its text comes from."""

import pytest

from tests.inside_loader import load

np = pytest.importorskip("numpy")

ROWS = [[2, 50, 60, 3], [2, 70, 3], [2, 50, 60, 3], [2, 60, 50, 3]]


def padded(rows, width, left=False):
    ids = np.zeros((len(rows), width), np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        place = slice(width - len(row), None) if left else slice(len(row))
        ids[i, place], mask[i, place] = row, 1
    return ids, mask


def laid(rows):
    return np.concatenate(rows), np.cumsum([0, *map(len, rows)])


def test_padding_changes_no_hash():
    rows = load("rows")
    expected = rows.of_lists(*laid(ROWS)).tolist()
    assert expected[0] == expected[2]
    assert len(set(expected)) == 3
    for width in (4, 9, 64):
        ids, mask = padded(ROWS, width)
        assert rows.of_matrix(ids, mask).tolist() == expected
        assert rows.of_matrix(ids).tolist() == expected
    ids, mask = padded(ROWS, 9, left=True)
    assert rows.of_matrix(ids, mask).tolist() == expected
    flat, offsets = laid([row + [0] * 5 for row in ROWS])
    assert rows.of_lists(flat, offsets).tolist() == expected
    assert rows.real_lengths(flat, offsets).tolist() == [4, 3, 4, 4]


def test_one_row_of_plain_integers_has_the_same_hash():
    """The short way for notebooks that tokenise review by review."""
    rows = load("rows")
    long = [2, *range(5, 2000), 3]
    for pad in (0, 1):
        for row in (*ROWS, [*ROWS[0], pad, pad, pad], long, [2**31, 7], []):
            expected = rows.of_lists(np.array(row, np.int64), np.array([0, len(row)]), pad).tolist()
            assert [rows.of_list(row, pad)] == expected


def test_another_padding_id():
    rows = load("rows")
    ids, mask = padded(ROWS, 8)
    ids[mask == 0] = 1
    assert rows.of_matrix(ids, None, pad=1).tolist() == rows.of_lists(*laid(ROWS)).tolist()


def test_a_row_is_traced_to_its_file(tmp_path, monkeypatch):
    rows = load("rows")
    files = {"train": "1\t좋아요!!\t1\n2\t둘 다\t1\n", "test": "3\t싫어요\t0\n4\t둘 다\t1\n"}
    for name, lines in files.items():
        path = tmp_path / f"ratings_{name}.txt"
        path.write_text("id\tdocument\tlabel\n" + lines, encoding="utf-8")
    monkeypatch.setenv("GRADER_DATA", str(tmp_path))
    monkeypatch.setattr(rows, "_texts", None)
    monkeypatch.setattr(rows, "_tokens", {})
    texts = ["좋아요", "싫어요 ", "둘 다", "어디에도 없는 글"]  # as cleaned by the notebook
    hashes = rows.of_lists(*laid([[2, i, 3] for i in (10, 11, 12, 13)]))
    rows.remember(texts, hashes.tolist())
    assert rows.votes(hashes.tolist()) == {"train": 1, "test": 1, "both": 1, "neither": 1}


def test_a_cut_run_sees_batches_of_every_length():
    spread = load("shortcuts").spread
    indices = list(range(1000))  # the index stands for how short the row is
    mixed = spread(indices, 16)
    assert sorted(mixed) == indices
    assert mixed[:16] == indices[:16]
    assert all(mixed[i : i + 16] == list(range(mixed[i], mixed[i] + 16)) for i in range(0, 800, 16))
    for count in (8, 12, 24):
        first = [mixed[16 * i] for i in range(count)]
        assert abs(sum(first) / count - 392) < 110
    assert spread(indices[:100], 16) == indices[:100]


def test_the_weights_take_no_random_number_of_the_notebook():
    rows = load("rows")
    np.random.seed(3)
    expected = np.random.rand()
    np.random.seed(3)
    rows._weights = None
    rows.weights(10)
    assert np.random.rand() == expected

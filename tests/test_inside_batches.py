"""Facts of a batch, wherever the model sees it; facts of a whole data set without calling its code."""

import pytest

from tests.inside_loader import load

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")

IDS = torch.tensor([[2, 5, 3, 0, 0], [2, 6, 7, 8, 3], [2, 5, 3, 0, 0]])
MASK = (IDS != 0).long()


@pytest.fixture
def batches(monkeypatch):
    module = load("batches")
    module._delivered.clear()
    return module


def loader(data, **options):
    return torch.utils.data.DataLoader(data, batch_size=3, **options)


def test_a_batch_on_the_cpu(batches):
    facts = batches.look(IDS, MASK, torch.tensor([0, 1, 0]), 0)
    assert (facts.rows, facts.width, facts.lengths.tolist()) == (3, 5, [3, 5, 3])
    assert facts.hashes[0] == facts.hashes[2] != facts.hashes[1]
    assert batches.look(IDS, None, None, 0).hashes.tolist() == facts.hashes.tolist()


@pytest.mark.parametrize(
    ("mask", "attends", "unmasked", "odd"),
    [
        (MASK, True, 0, 0),
        (None, False, 4, 0),
        (MASK, False, 4, 0),  # it lies in the batch, but the model never got it
        (torch.ones_like(MASK), True, 4, 0),
        (None, None, 0, 0),  # a module of the student's own may make one inside
        (torch.zeros_like(MASK), None, 0, 0),  # token types, taken for a mask by their shape
    ],
)
def test_padding_that_attention_was_not_kept_from(batches, mask, attends, unmasked, odd):
    facts = batches.look(IDS, mask, None, 0, attends)
    assert (facts.unmasked, facts.odd) == (unmasked, odd)


def test_padding_with_another_token(batches):
    facts = batches.look(torch.where(IDS == 0, 1, IDS), MASK, None, 0, True)
    assert (facts.unmasked, facts.odd) == (0, 4)


def test_on_another_device_the_delivered_batch_is_looked_at(batches):
    """'meta' stands for a GPU: nothing can be read back from it."""
    source = loader(torch.utils.data.TensorDataset(IDS, MASK))
    expected = batches.look(IDS, MASK, None, 0)
    batches.delivered({"input_ids": IDS, "attention_mask": MASK, "labels": torch.tensor([1, 0, 1])}, source)
    facts = batches.look(IDS.to("meta"), MASK.to("meta"), None, 0)
    assert facts.hashes.tolist() == expected.hashes.tolist()
    assert facts.lengths.tolist() == [3, 5, 3]
    assert facts.labels.tolist() == [1, 0, 1]
    assert facts.loader is source
    blind = batches.look(IDS.to("meta"), MASK.to("meta"), None, 0)  # it was handed out once only
    assert (blind.rows, blind.width, blind.hashes) == (3, 5, None)


def test_a_tuple_of_tensors(batches):
    batches.delivered([IDS, MASK, torch.tensor([1, 0, 1])], None)
    facts = batches.look(IDS.to("meta"), MASK.to("meta"), None, 0)
    assert facts.lengths.tolist() == [3, 5, 3]
    assert facts.labels.tolist() == [1, 0, 1]


def test_whole_data_sets(batches):
    expected = batches.look(IDS, MASK, None, 0).hashes.tolist()

    class Own:
        def __init__(self):
            self.e = {"input_ids": IDS.tolist()}

        def __len__(self):
            return len(self.e["input_ids"])

        def __getitem__(self, index):
            raise AssertionError("the notebook's code must not be called")

    for data in (torch.utils.data.TensorDataset(IDS, MASK), Own()):
        whole = batches.dataset(data)
        assert whole["hashes"].tolist() == expected
        assert whole["lengths"].tolist() == [3, 5, 3]
        assert whole["stored"].tolist() == [5, 5, 5]
    part = torch.utils.data.Subset(torch.utils.data.TensorDataset(IDS, MASK), [1, 0])
    assert batches.dataset(part)["hashes"].tolist() == [expected[1], expected[0]]
    assert batches.dataset(object()) is None


def test_an_arrow_table_with_indices(batches):
    datasets = pytest.importorskip("datasets")
    rows = [row[:n] for row, n in zip(IDS.tolist(), (3, 5, 5), strict=True)]
    data = datasets.Dataset.from_dict({"input_ids": rows, "label": [0, 1, 0]})
    expected = batches.look(IDS, MASK, None, 0).hashes.tolist()
    assert batches.dataset(data)["hashes"].tolist() == expected
    assert batches.dataset(data)["stored"].tolist() == [3, 5, 5]
    picked = data.select([2, 1]).with_format("torch")
    assert batches.dataset(picked)["hashes"].tolist() == [expected[2], expected[1]]
    both = datasets.concatenate_datasets([data, data.select([1])])
    assert batches.dataset(both)["hashes"].tolist() == [*expected, expected[1]]

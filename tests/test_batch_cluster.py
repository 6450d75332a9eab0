"""The same gradebook from a Ray cluster of several nodes as from this machine, also when a node is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="needs the batch extra")
ray = pytest.importorskip("ray", reason="needs the cluster extra (pip install '.[cluster]')")

from grader.batch import cluster as cluster_module
from grader.batch.cluster import do_by_value, ray_scheduler
from grader.batch.run import run_batch
from grader.batch.work import at, do, order
from grader.errors import UsageError
from tests.test_batch_run import contents, in_process

CORPUS = Path(__file__).parent / "corpus"


@pytest.fixture
def inbox(tmp_path):
    for name in ("correct", "pads-to-max", "no-bucketing", "below-90", "stale-output", "dynamic-only"):
        (tmp_path / "inbox" / name).mkdir(parents=True)
        shutil.copy(CORPUS / name / "submission.ipynb", tmp_path / "inbox" / name / "main.ipynb")
    return tmp_path / "inbox"


@pytest.fixture(scope="module")
def cluster():
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.add_node(num_cpus=1)
    ray.init(address=made.address, log_to_driver=False, logging_level="ERROR")
    yield made
    ray.shutdown()
    made.shutdown()


def test_by_value_is_the_same_as_in_place(inbox):
    from grader.batch.find import find

    orders = at(order(None, None, "v0", "ko"), inbox)
    entry = find(inbox)[0]
    notebook = Path(orders.base, entry.path).read_bytes()
    here = order(None, None, "v0", "ko")
    assert do_by_value(entry, here, cluster_module._alike(None), notebook) == do(entry, orders)


def test_a_node_with_another_grader_grades_nothing(inbox):
    """Its result would differ, and no one would see why."""
    from grader.batch.find import find

    done = do_by_value(find(inbox)[0], order(None, None, "v0", "ko"), "0123456789ab", b"{}")
    assert done.ours and not done.results and "another grader" in done.problem.en


def test_a_cluster_gives_the_local_gradebook_bit_for_bit(inbox, tmp_path, cluster):
    orders = order(None, None, "v0", "ko")
    run_batch(inbox, tmp_path / "local", orders, scheduler=in_process)
    run_batch(inbox, tmp_path / "ray", orders, scheduler=ray_scheduler(cluster.address))
    assert contents(tmp_path / "local") == contents(tmp_path / "ray")


def test_a_lost_node_loses_nothing(inbox, tmp_path, cluster):
    orders = order(None, None, "v0", "ko")
    doomed = cluster.add_node(num_cpus=2)
    ended = 0

    def watched(entries, orders):
        nonlocal ended
        for entry, done in ray_scheduler(cluster.address)(entries, orders):
            ended += 1
            if ended == 1:
                cluster.remove_node(doomed, allow_graceful=False)
            yield entry, done

    run_batch(inbox, tmp_path / "ray", orders, scheduler=watched)
    run_batch(inbox, tmp_path / "local", orders, scheduler=in_process)
    assert contents(tmp_path / "local") == contents(tmp_path / "ray")


def test_an_address_that_does_not_answer_is_said():
    ray.shutdown()
    with pytest.raises(UsageError, match="no cluster"):
        ray_scheduler("127.0.0.1:1")

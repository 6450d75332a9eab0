"""`load_metric` and `evaluate.load` without the hub's scripts: the same figures from scikit-learn.

Called once by entry.py. Results are keyed as the originals key them.
"""

from . import imports, wire

_PLAIN = ("accuracy", "f1", "precision", "recall", "roc_auc", "matthews_correlation")


def install():
    """Patch when the libraries are imported."""
    imports.after("evaluate", _evaluate)
    imports.after("datasets", lambda module: setattr(module, "load_metric", load))


def _evaluate(module):
    module.load = load
    imports.after("evaluate.loading", lambda loading: setattr(loading, "load", load))
    module.combine = lambda evaluations, **kwargs: Combined(
        [
            load(e) if isinstance(e, str) else e
            for e in (evaluations.values() if isinstance(evaluations, dict) else evaluations)
        ]
    )


def load(path, config_name=None, *args, **kwargs):
    """A metric by name; the task of 'glue' is its second argument."""
    name = str(path).rstrip("/").split("/")[-1].replace(".py", "")
    if name == "glue":
        wire.redirect("metric", "glue/%s" % config_name, "scikit-learn")
        return Metric("glue", _GLUE.get(config_name, ("accuracy",)))
    if name not in _PLAIN:
        raise wire.lacks("metric %s" % path)
    wire.redirect("metric", name, "scikit-learn")
    return Metric(name, (name,))


_GLUE = {"mrpc": ("accuracy", "f1"), "qqp": ("accuracy", "f1"), "cola": ("matthews_correlation",)}


class Metric:
    """compute, add and add_batch, as the original has them."""

    def __init__(self, name, keys):
        self.name, self.keys = name, keys
        self._predictions, self._references = [], []

    def add_batch(self, *, predictions=None, references=None, prediction_scores=None, **kwargs):
        """Keep these for `compute`."""
        self._predictions.extend(_list(predictions if predictions is not None else prediction_scores))
        self._references.extend(_list(references))

    def add(self, *, prediction=None, reference=None, predictions=None, references=None, **kwargs):
        """Keep one."""
        self._predictions.append(prediction if predictions is None else predictions)
        self._references.append(reference if references is None else references)

    def compute(self, *, predictions=None, references=None, prediction_scores=None, **options):
        """{name: value}"""
        if predictions is None and prediction_scores is None:
            predictions, references = self._predictions, self._references
            self._predictions, self._references = [], []
        guesses, truth = (
            _list(predictions if predictions is not None else prediction_scores),
            _list(references),
        )
        if not truth:
            return None
        if len(truth) != len(guesses):
            raise ValueError(
                "Mismatch in the number of predictions (%d) and references (%d)" % (len(guesses), len(truth))
            )
        return {key: _figure(key, truth, guesses, options) for key in self.keys}

    def __repr__(self):
        return "EvaluationModule(name: %r)" % self.name


class Combined:
    """Several metrics, one result."""

    def __init__(self, parts):
        self.parts = parts

    def add_batch(self, **kwargs):
        """To each."""
        for part in self.parts:
            part.add_batch(**kwargs)

    def compute(self, **kwargs):
        """All results in one dictionary."""
        out = {}
        for part in self.parts:
            out.update(part.compute(**kwargs))
        return out


def _list(values):
    if values is None:
        return []
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    return values.tolist() if hasattr(values, "tolist") else list(values)


def _figure(key, truth, guesses, options):
    from sklearn import metrics

    known = {
        k: v
        for k, v in options.items()
        if k in ("average", "labels", "pos_label", "sample_weight", "zero_division")
    }
    if key == "accuracy":
        return float(metrics.accuracy_score(truth, guesses, normalize=options.get("normalize", True)))
    if key == "matthews_correlation":
        return float(metrics.matthews_corrcoef(truth, guesses))
    if key == "roc_auc":
        return float(metrics.roc_auc_score(truth, guesses))
    value = {"f1": metrics.f1_score, "precision": metrics.precision_score, "recall": metrics.recall_score}[
        key
    ](truth, guesses, **{"average": "binary", **known})
    return float(value) if getattr(value, "ndim", 0) == 0 else value

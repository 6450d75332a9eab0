"""Stored outputs in the very formats Jupyter, Trainer and pandas leave in a notebook.

Used by build.py only. The numbers are chosen by the author of a case; whatever follows from them
(steps, total_flos, seconds per row) is computed here, so that a case can't contradict itself by accident.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

NON_EMBEDDING = 85_646_594
"""klue/bert-base for two labels: encoder 85,054,464 + pooler 590,592 + classifier 1,538."""


@dataclass(frozen=True)
class Run:
    """One training whose outputs are to be written down."""

    rows: int
    batch: int
    epochs: int
    seconds: float
    tokens: float
    """Padded tokens per row."""
    losses: tuple[tuple[float, float, float], ...]
    """(training loss, validation loss, accuracy) of each epoch really run."""
    stopped: bool = False
    """Early stopping ended it after len(losses) epochs."""

    @property
    def ran(self) -> int:
        return len(self.losses)

    @property
    def steps(self) -> int:
        return ceil(self.rows / self.batch) * self.ran

    @property
    def planned(self) -> int:
        return ceil(self.rows / self.batch) * self.epochs


def display(html: str) -> dict:
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {"text/html": html, "text/plain": "<IPython.core.display.HTML object>"},
    }


def stream(text: str, name: str = "stdout") -> dict:
    return {"output_type": "stream", "name": name, "text": text}


def result(text: str, count: int, html: str | None = None) -> dict:
    data = {"text/plain": text} | ({"text/html": html} if html else {})
    return {"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": data}


def error(name: str, value: str, line: str) -> dict:
    return {
        "output_type": "error",
        "ename": name,
        "evalue": value,
        "traceback": [
            "\x1b[0;31m" + "-" * 75 + "\x1b[0m",
            f"\x1b[0;31m{name}\x1b[0m                                 Traceback (most recent call last)",
            f"\x1b[0;32m----> 1\x1b[0m {line}",
            f"\x1b[0;31m{name}\x1b[0m: {value}",
        ],
    }


def clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02d}:{second:02d}" if hour else f"{minute:02d}:{second:02d}"


def progress_table(run: Run) -> dict:
    """The table `NotebookProgressCallback` leaves when training is done."""
    body = "".join(
        f"    <tr>\n      <td>{epoch}</td>\n      <td>{train:.6f}</td>\n"
        f"      <td>{valid:.6f}</td>\n      <td>{accuracy:.6f}</td>\n    </tr>\n"
        for epoch, (train, valid, accuracy) in enumerate(run.losses, start=1)
    )
    return display(
        "\n    <div>\n      \n"
        f"      <progress value='{run.steps}' max='{run.planned}' "
        "style='width:300px; height:20px; vertical-align: middle;'></progress>\n"
        f"      [{run.steps}/{run.planned} {clock(run.seconds)}, Epoch {run.ran}/{run.epochs}]\n    </div>\n"
        '    <table border="1" class="dataframe">\n  <thead>\n <tr style="text-align: left;">\n'
        "      <th>Epoch</th>\n      <th>Training Loss</th>\n      <th>Validation Loss</th>\n"
        f"      <th>Accuracy</th>\n    </tr>\n  </thead>\n  <tbody>\n{body}  </tbody>\n</table><p>"
    )


def train_output(run: Run, count: int) -> dict:
    """`TrainOutput(...)`, the value of `trainer.train()`. The two rates are computed on the
    *planned* epochs, as Trainer does."""
    flos = 6 * NON_EMBEDDING * run.tokens * run.rows * run.ran
    loss = sum(train for train, _, _ in run.losses) / run.ran
    return result(
        f"TrainOutput(global_step={run.steps}, training_loss={loss:.10f}, metrics={{"
        f"'train_runtime': {run.seconds:.4f}, "
        f"'train_samples_per_second': {run.rows * run.epochs / run.seconds:.3f}, "
        f"'train_steps_per_second': {run.planned / run.seconds:.3f}, "
        f"'total_flos': {flos!r}, 'train_loss': {loss:.10f}, 'epoch': {float(run.ran)}}})",
        count,
    )


def evaluate(count: int, loss: float, accuracy: float, rows: int, seconds: float, epoch: float) -> dict:
    """The dict `trainer.evaluate()` returns."""
    return result(
        f"{{'eval_loss': {loss},\n 'eval_accuracy': {accuracy},\n 'eval_runtime': {seconds},\n"
        f" 'eval_samples_per_second': {rows / seconds:.3f},\n"
        f" 'eval_steps_per_second': {ceil(rows / 32) / seconds:.3f},\n 'epoch': {epoch}}}",
        count,
    )


def dataset_dict(**rows: int) -> str:
    parts = "".join(
        f"    {name}: Dataset({{\n        features: ['id', 'document', 'label'],\n"
        f"        num_rows: {count}\n    }})\n"
        for name, count in rows.items()
    )
    return f"DatasetDict({{\n{parts}}})"


NEW_WEIGHTS = stream(
    "Some weights of BertForSequenceClassification were not initialized from the model checkpoint at "
    "klue/bert-base and are newly initialized: ['classifier.bias', 'classifier.weight']\n"
    "You should probably TRAIN this model on a down-stream task to be able to use it for predictions "
    "and inference.\n",
    "stderr",
)

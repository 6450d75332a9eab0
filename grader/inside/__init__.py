"""What enters the student's kernel: a probe, a budget, redirects. Mounted read-only, never trusted.

The folder is loaded there as a package of its own by `entry.py`'s start line; it imports nothing of
the grader and nothing of the grader imports it. It must work in Python 3.9 to 3.13, transformers 4.11
to 5, datasets 2 to 5 and torch 2, and it hooks every library lazily: a notebook that never imports
torch pays nothing.

    entry.py      START HERE: installs the rest
    wire.py       the pipe out: one JSON object per line
    imports.py    run a function after a module was imported; stand-ins for imports that fail
    batches.py    facts of one batch: tokens, padding, row hashes
    models.py     where a model's weights come from: pretrained, random, continued
    runs.py heads.py    training runs and evaluations as they happen, and what their lines say
    torch_hooks.py trainer_hooks.py tokenizer_hooks.py keras_hooks.py    where the facts are seen
    budget.py     loops that end early by themselves
    intervals.py  `step % 2500 == 0` in a hand-written loop that ends after a few steps
    depth.py      `encoder.layer[11]` of a stand-in model with 2 layers
    cpu.py without_cuda.py    a notebook that insists on a GPU, on a machine without one
    uploads.py    logging in to the hub and uploading: nothing is sent
    shims.py      what older libraries did, for a runtime of earlier years
    shortcuts.py  the length-grouped sampler: quick, and fair to a run that is cut
    rows.py       which row is it? hashes, and which official file a text comes from
    data.py paths.py hub.py shell.py metrics.py lenient.py    what is served instead of a network
    weights.py    the best and the last model, as safetensors, into the outbox
"""

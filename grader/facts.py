"""The kinds of observation, and the shape of each one's `value`.

One list for all witnesses, so that a check can ask for a kind without knowing who reports it.
A witness that can't fill a key leaves it out; a key is never guessed.
"""

from enum import StrEnum


class Kind(StrEnum):
    """Names for `Observation.kind`. The string under each member gives the keys of `value`."""

    # -- loading
    MODEL_LOAD = "model-load"
    """name 'klue/bert-base', class 'AutoModelForSequenceClassification', variable, pretrained bool"""
    TOKENIZER_LOAD = "tokenizer-load"
    """name, class, variable"""
    DATA_LOAD = "data-load"
    """name ('nsmc', a path or URL), how 'load_dataset'|'csv'|'download'|'unknown', rows {split: n}"""
    DATA_SHAPE = "data-shape"
    """rows {split: n}; from a stored DatasetDict/shape/len output"""

    # -- preprocessing
    TOKENIZE = "tokenize"
    """padding Padding|'none', max_length int, truncation bool, batched bool, function, dataset"""
    PREPROCESS = "preprocess"
    """what 'drop-empty'|'drop-duplicates'|'normalise'|'length-study'|'filter'|'other', detail"""
    SPLIT = "split"
    """how, seeded bool, sizes {name: n}, stratified bool"""
    COLLATOR = "collator"
    """class, padding, variable"""
    ATTEMPT = "attempt"
    """how (as in TrainingRun.attempts), executed bool"""
    SEED = "seed"
    """call, value"""
    METRIC = "metric"
    """name, how"""
    TUNING = "tuning"
    """what 'learning_rate'|'scheduler'|'epochs'|'batch_size'|'warmup'|'early-stopping'|…, value"""

    # -- state and data hazards seen in code
    DEPRECATED = "deprecated"
    """name, gone_in 'transformers 5', use"""
    HARD_CODED_PATH = "hard-coded-path"
    """path"""
    DEVICE_UNCHECKED = "device-unchecked"
    """call"""
    SHELL = "shell"
    """command"""
    SYNTAX_ERROR = "syntax-error"
    """message, line"""
    UNDEFINED_NAME = "undefined-name"
    """name; used before any cell above defines it (restart-and-run-all fails)"""
    SHADOWED = "shadowed"
    """name, defined_in [cells], used_in"""
    CONTINUED_STATE = "continued-state"
    """model variable, first_run cell, then_run cell"""
    STALE_CELL = "stale-cell"
    """run cell, cells [..] the run rests on that ran again or were edited after it (higher or lost count)"""
    MASK = "mask"
    """unmasked: padding tokens that the model could attend to; odd: masked places that hold another token
    than the model's padding token; both counted over a run's training batches"""
    LEAK = "leak"
    """how 'same-rows'|'resplit-unseeded'|'train-as-eval'|'test-in-train', rows n"""
    REPLACED = "replaced"
    """what (English): methods that train or measure are replaced, or an accuracy depends on no prediction"""
    TEST_AS_VALIDATION = "test-as-validation"
    """run cell"""

    # -- stored outputs
    ERROR = "error"
    """ename, evalue"""
    EXECUTION_ORDER = "execution-order"
    """counts [[cell, count]…], out_of_order bool, repeated bool, missing [cells]"""
    VERSION = "version"
    """package, version"""
    WARNING = "warning"
    """category, message"""
    SPEED = "speed"
    """iterations_per_second, rows_per_second, from 'tqdm'|'train_steps_per_second'|…"""
    IMAGE = "image"
    """where 'output'|'markdown', count; a person must look"""
    LINK = "link"
    """url, where; evidence outside the notebook"""
    PRINTED_METRIC = "printed-metric"
    """name, value, typed True where it is a literal of the code; printed by a plain print"""

    # -- the student's words
    TYPED_TABLE = "typed-table"
    """header [..], rows [[..]..]; a markdown or literal table typed by hand"""
    TYPED_NUMBER = "typed-number"
    """name 'accuracy'|'seconds'|'speedup'|'rate', value, about 'baseline'|'bucketing'|''"""
    ANALYSIS = "analysis"
    """words n, about ['bucketing'|'speed'|'accuracy'|'reason'|…], depth 'none'|'short'|'yes'"""
    REMARK = "remark"
    """as ANALYSIS, of text on speed and accuracy that doesn't say of which run: its place may tell"""
    REFLECTION = "reflection"
    """words n, about ['learned'|'regret'|'feeling'|'difficulty']"""
    CLAIM = "claim"
    """about 'speed'|'accuracy'|'padding', says 'better'|'worse'|'same', number"""
    DEBUG_RECORD = "debug-record"
    """about; the student wrote down a problem and how it was solved"""
    FLOW_DIAGRAM = "flow-diagram"
    """where"""

    # -- quality of the code (Q2, Q3, Q5)
    COMMENTS = "comments"
    """comment_lines, docstrings, code_lines, commented_out (lines of disabled code),
    dead_lines [1-based, of disabled code; there if any], imports_only (there if so); of a cell"""
    CORE_CELL = "core-cell"
    """why 'bucketing'|'training-loop'|'training-arguments'|'tokenise', comments, line; most central first"""
    LINT = "lint"
    """rule, message, line"""
    DUPLICATE_CODE = "duplicate-code"
    """cells [a, b], lines n (equal), changed n, examples [changed lines]"""
    COMPLEXITY = "complexity"
    """function, rank, value"""
    FUNCTIONS = "functions"
    """count, classes, names [..], class_names [..], cells [..]; in the whole notebook"""

    # -- while running
    REDIRECT = "redirect"
    """what, wanted, served"""
    MISSING = "missing"
    """wanted; the classroom lacks it"""
    STANDIN = "stand-in"
    """what; e.g. CUDA requested on a CPU machine"""
    MODEL_SAVED = "model-saved"
    """path, run cell, label 'best'|'last', changed share"""

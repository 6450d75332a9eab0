"""The reference: fine-tuning BERT on movie reviews, and what padding costs, in files read in this order.

1. `data.py`      a text file becomes rows of token ids; nothing is padded yet
2. `batching.py`  the staircase: fixed padding, dynamic padding, length grouping, bucketing by tokens
   `packed.py`    its last step: no rectangle, so no padding at all
   `loading.py`   a plan for worker processes, several GPUs and restarts
3. `model.py`     the model, and what one token costs
4. `train.py`     fine-tuning done well; knows nothing of padding
   `dropout.py`   an aside: what random numbers cost on a CPU
5. `compare.py`   the staircase measured: `python -m reference.compare --quick`
6. `solution.ipynb`  the exercise as a student would solve it, with Hugging Face's Trainer
                     (written by `make_solution.py`)

`README.md` is a guide to these files in Korean: what each teaches, the words, what was measured.

Beside the path: `pretrain.py` made the pocket model, a Korean BERT small enough for two CPU cores.
"""

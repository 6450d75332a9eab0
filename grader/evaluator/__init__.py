"""What enters the clean evaluation sandbox: one script, `evaluate.py`.

It runs there with a runtime's Python, gets weights and unlabelled reviews, and gives predictions back.
It imports nothing of the grader, and nothing of the grader imports it: `grader.verified` starts it as a
program. Nothing of the student's runs there, only numbers from a safetensors file.
"""

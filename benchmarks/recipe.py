"""The numbers that ours and the peers are all trained with."""

from __future__ import annotations

BATCH = 32
# One rate for head and encoder alike, since Hugging Face's Trainer has one; it falls linearly to zero.
LEARNING_RATE = 2e-4
DROPOUT = 0.1
# Standard deviation of the head's first weights, whose biases begin at zero.
SPREAD = 0.02
MAX_LENGTH = 256
EPOCHS = 2

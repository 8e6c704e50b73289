"""The SST-5 write-up's protocol on the task: every sentence padded to 256 tokens, float32, a plain loop."""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader, TensorDataset
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from benchmarks.peers.model import Classifier, accuracy
from benchmarks.recipe import BATCH, LEARNING_RATE, MAX_LENGTH
from benchmarks.task import arguments, encoder_weights, task_of, tell


def padded(rows: tuple[list[str], list[int]], tokenizer: PreTrainedTokenizerBase) -> TensorDataset:
    """Return (N, 256) token ids, their mask and (N,) labels."""
    texts, labels = rows
    encoded = tokenizer(
        texts, truncation=True, padding="max_length", max_length=MAX_LENGTH, return_tensors="pt"
    )
    return TensorDataset(encoded["input_ids"], encoded["attention_mask"], torch.tensor(labels))


def trimmed(rows: TensorDataset) -> Iterator[dict[str, torch.Tensor]]:
    """Yield the rows in order, each batch without the columns that hold padding alone.

    Only dev is scored so, which is not measured: the logits are the same, and come minutes earlier.
    """
    for input_ids, mask, labels in DataLoader(rows, batch_size=BATCH):
        longest = int(mask.sum(dim=1).max())
        yield {"input_ids": input_ids[:, :longest], "attention_mask": mask[:, :longest], "labels": labels}


def main() -> None:
    """Train as the command line says, and print the figures."""
    task = task_of(arguments(__doc__).parse_args())
    torch.manual_seed(task.seed)
    tokenizer = AutoTokenizer.from_pretrained(task.backbone, local_files_only=True)
    train, dev = padded(task.train(), tokenizer), padded(task.dev(), tokenizer)
    model = Classifier(task.backbone, int(dev.tensors[2].max()) + 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    loader = DataLoader(train, batch_size=BATCH, shuffle=True)
    seconds = []
    for _ in range(task.epochs):
        started = time.perf_counter()
        model.train()
        for input_ids, mask, labels in loader:
            optimizer.zero_grad()
            model(input_ids, mask, labels)["loss"].backward()
            optimizer.step()
        seconds.append(time.perf_counter() - started)
    tell(
        len(train),
        int(train.tensors[1].sum()),
        seconds,
        encoder_weights(model.encoder.named_parameters()),
        accuracy(model, trimmed(dev)),
    )


if __name__ == "__main__":
    main()

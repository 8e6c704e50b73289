"""SetFit on the task: contrastive pairs of sentences first, a logistic regression on the embeddings after.

Tunstall et al. (2022), "Efficient Few-Shot Learning Without Prompts". Its own defaults, but for the number of
pairs: with every pair of 256 sentences, which newer versions form, an epoch would take twenty times as long.
"""

from __future__ import annotations

import json
import time

from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from setfit import SetFitModel, Trainer, TrainingArguments
from sklearn.linear_model import LogisticRegression
from transformers import set_seed

from benchmarks.task import arguments, task_of

# R of the paper: so many pairs of one class, and so many of two, for every sentence.
_PAIRS = 20


def main() -> None:
    """Train as the command line says, and print the figures."""
    task = task_of(arguments(__doc__).parse_args())
    set_seed(task.seed)
    texts, labels = task.train()
    dev_texts, dev_labels = task.dev()
    encoder = Transformer(str(task.backbone))
    pooling = Pooling(encoder.get_embedding_dimension(), pooling_mode="mean")
    body = SentenceTransformer(modules=[encoder, pooling], device="cpu")
    model = SetFitModel(model_body=body, model_head=LogisticRegression())
    settings = TrainingArguments(num_iterations=_PAIRS, seed=task.seed, save_strategy="no", report_to="none")
    trainer = Trainer(
        model=model, args=settings, train_dataset=Dataset.from_dict({"text": texts, "label": labels})
    )
    started = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - started
    predicted = [int(label) for label in model.predict(dev_texts)]
    right = sum(guess == label for guess, label in zip(predicted, dev_labels, strict=True))
    figures = {
        "sentences": len(texts),
        "training_seconds": seconds,
        "dev_accuracy": right / len(dev_labels),
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()

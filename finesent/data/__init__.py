"""From published bytes to token ids: readers, cleaning, splits, sampling, tokenization."""

"""From stored logits to metrics, and from metrics to a comparison with intervals."""

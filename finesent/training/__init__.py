"""Training: one readable loop, and the parts that it is made of."""

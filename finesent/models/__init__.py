"""A classifier is an encoder, a pooling and a head; each is chosen by name in params.yaml."""

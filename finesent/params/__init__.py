"""params.yaml, typed: one module a stage, each holding exactly the keys that its stage may read."""

"""Operations of a training step in C++, compiled on the machine that runs them."""

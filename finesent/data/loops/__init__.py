"""What is done to every byte of many texts."""

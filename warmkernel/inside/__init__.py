"""What runs in the sandbox: the zygote, and what becomes of its forks. Shown there on its own, so it imports nothing else of this package."""

"""The code in the sandbox: the zygote and its forks. Shown there on its own, so it imports nothing else of this package."""

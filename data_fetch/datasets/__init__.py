"""What is fetched: one module for each fetch_* function, and what they share."""

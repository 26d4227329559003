"""Where films come from: one room for each source."""

"""Where films come from: one subpackage per source."""

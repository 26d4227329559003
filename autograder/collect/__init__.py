"""What students handed in, taken into submitted/ and read from there. Nothing in it is trusted."""

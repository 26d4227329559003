"""What crosses between a check and a student's process: frames and plain values. Both sides run this."""

"""The MIT course's HDF5 files of films with and without a pneumothorax."""

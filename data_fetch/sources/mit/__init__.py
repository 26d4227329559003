"""The HDF5 files of films with and without a pneumothorax that the MIT course used."""

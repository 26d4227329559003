"""Jupyter kernels that start warm and run in a sandbox. Linux only.

A kernel is a fork of a process that has already imported TensorFlow and related packages, in its own sandbox: no network,
no files but its scratch folder, limits on time, memory, processes and output. Any Jupyter tool can use one by naming its
kernelspec (`python -m warmkernel install`); `python -m warmkernel doctor` checks whether this machine supports them.
"""

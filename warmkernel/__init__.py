"""Jupyter kernels that start warm and stay locked in. Linux only.

A kernel is a fork of a process that has imported TensorFlow and its company already, in a sandbox of its own: no network,
no files but its scratch folder, limits on time, memory, processes and output. Any Jupyter tool gets one by naming its
kernelspec (`python -m warmkernel install`); `python -m warmkernel doctor` says whether this machine can make them.
"""

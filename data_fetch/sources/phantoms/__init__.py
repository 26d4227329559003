"""Embedded phantom films: drawn by a projection model, with exact masks, on any machine, without a download.

Read in this order: `anatomy` (what a patient and an exposure are), `frame` (from centimetres to pixels), `chest`,
`vessels` and `bones` (path lengths in cm), `physics` (from path lengths to photons), `display` (from photons to greys),
`film` (the five put together), `cardiomegaly` (the set). `pool` and `worker` spread the films over the processor's cores.
"""

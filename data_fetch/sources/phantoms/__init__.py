"""Built-in phantom films: drawn by a projection model, with exact masks, on any machine, without a download.

Read in this order: `anatomy` (patient and exposure), `frame` (from centimetres to pixels), `chest`, `vessels` and `bones`
(path lengths in cm), `physics` (from path lengths to photons), `display` (from photons to greys), `film` (which combines
these), `cardiomegaly` (the set). `pool` and `worker` distribute the films over the processor's cores.
"""

"""Storage on this machine: the cache, single files, mirrors, and the registry of everything that can be fetched."""

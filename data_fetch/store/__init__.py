"""What is kept on this machine: the cache, single files, mirrors, and the registry of what can be fetched."""

"""From an address to bytes and pictures: connections, archives, decoding."""

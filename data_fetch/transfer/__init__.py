"""From a URL or path to bytes and images: connections, archives, decoding."""

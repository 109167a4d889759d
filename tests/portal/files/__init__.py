"""Files against the real portal: sent, fetched, synchronized, exported, streamed."""

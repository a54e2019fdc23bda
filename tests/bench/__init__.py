"""Speed, as ratios against a peer in the same run; nothing here passes or fails."""

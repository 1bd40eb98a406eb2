"""fastface finds who is in your photos, privately, on your own device."""

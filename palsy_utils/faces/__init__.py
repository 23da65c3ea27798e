"""From videos to frames, faces and the modalities."""

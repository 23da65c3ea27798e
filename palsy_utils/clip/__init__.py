"""One model file, and one clip of your own."""

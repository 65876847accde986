"""What is learned: images, held-out images, and distributions of points that are known exactly."""

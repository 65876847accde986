"""The Wasserstein distance and its relatives as small functions, and the smallest GAN there is."""

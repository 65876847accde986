"""One architecture a file, the generator above its discriminator, written down as layers from input to output."""

"""What belongs to single notebooks: checks of exercises, a gallery of errors, piles of earth moved by hand."""

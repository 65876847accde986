"""What belongs to single notebooks: checks of exercises, games to play, the two reports, the ladder of ideas."""

"""What an instructor does with the notebooks: run, sweep, compare, publish. The command `gan-lab` is its front."""

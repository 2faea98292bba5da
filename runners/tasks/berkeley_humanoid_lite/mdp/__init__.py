"""Terms of the velocity tasks which mjlab lacks, or by which it means something else."""

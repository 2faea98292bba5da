"""What there is to be looked at, a module for each subject."""

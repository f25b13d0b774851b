"""What we learn: labelled rows, splits, guards, the learner, its evaluation, the bundle and the registry."""

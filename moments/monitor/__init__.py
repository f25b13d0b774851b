"""`moments monitor`: whether the models still do what they promised. `job` does the work, `unseen` looks for new values."""

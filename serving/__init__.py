"""What we answer: scores with reasons, over HTTP and as a file, from the models of an output folder."""

"""The front door: the command line and the pipeline behind it. The only room that reads the clock and prints."""

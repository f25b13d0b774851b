"""Values: settings, their defaults with units and reasons, and one configuration for each known data set."""

"""What may be claimed of a driver: association, adjusted association, or the effect of a randomised pilot."""

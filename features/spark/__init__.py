"""The cluster host: the same kernel inside Spark, for more customers than one machine wants to compute."""

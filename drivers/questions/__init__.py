"""Further questions to held-out values: pairs of touchpoints, peaks and ends, weakest links, and others; arrays in, facts out."""

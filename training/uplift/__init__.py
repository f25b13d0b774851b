"""Uplift: whom a campaign holds, learnt from a randomised pilot in which some customers were reached and others were not.

Risk is not persuadability: who is most likely to leave may leave all the same. `pilot` finds who was reached and whether chance
decided it, `effect` learns what reaching changes for whom, `qini` says what the ranking is worth, and whom it pays to reach.
"""

"""Whether a model still does what it promised: what is kept at training, and what is compared with it later.

Before labels are known: shapes, gaps and scores against those of the judged rows (`drift`), and the performance to expect from
calibrated scores. Afterwards: the realised loss against the promised one (`realised`). `verdict` draws the conclusion.
"""

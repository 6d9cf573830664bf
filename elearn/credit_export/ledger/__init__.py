"""THE LOG OF HOURS: what is credited stands where nobody can change it unseen.

In come leaves (a block of watched time, hours attended, a reversal), out goes a line of text with a proof that an exam
system checks without asking us anything.
"""

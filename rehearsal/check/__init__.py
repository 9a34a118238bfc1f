"""`rehearsal check`: is the program right, as far as that can be proven with no cluster and no cloud?"""

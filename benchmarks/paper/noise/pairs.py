def study_pairs(*a):
    pass

"""Do all methods agree?"""

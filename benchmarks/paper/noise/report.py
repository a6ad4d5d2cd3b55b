def report(store, folder):
    pass

def exhausted_text(store, folder): return ''

def operations_text(store): return ''

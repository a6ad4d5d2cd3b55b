"""What the process returns."""

OK = 0
NOT_PROVEN = 1
USAGE = 2
INFEASIBLE = 3
NO_SOLUTION = 4
INTERRUPTED = 130
PIPE_CLOSED = 141

EXIT_CODES = """\
exit codes:
  0    optimal and proven, or all is well
  1    a layout without proof: a limit was reached, or the method proves nothing
  2    wrong usage or bad input
  3    infeasible, or (check) the layout breaks the problem
  4    no layout found before a limit
  130  interrupted without a layout
"""

"""Tables for people: problems, results and methods, drawn with rich."""

from mpsolve.report.console import make_console
from mpsolve.report.method import abilities, method_table
from mpsolve.report.problem import problem_report
from mpsolve.report.result import layout_table, result_report

__all__ = [
    "abilities",
    "layout_table",
    "make_console",
    "method_table",
    "problem_report",
    "result_report",
]

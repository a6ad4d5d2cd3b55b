"""``python -m mpsolve`` is the command ``mpsolve``."""

from mpsolve.cli import main

raise SystemExit(main())

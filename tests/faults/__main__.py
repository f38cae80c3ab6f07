"""`python -m faults` from the folder of the tests."""

from __future__ import annotations

from faults.run import main

raise SystemExit(main())

"""The fault campaign: promises of the node, each tried with real processes, counted, and told in one table.

`python -m faults` from the folder of the tests, or `make faults`. A campaign is one file with a `CAMPAIGN` in it.
"""

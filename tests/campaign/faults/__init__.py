"""A campaign of faults: killed runs, damaged files, full disks, several runs at once, hostile input.

``python -m tests.campaign.faults`` (``make campaign``) does all of it to a small project, each try in a fork of a
process that has imported everything, and holds what is left against the same project left in peace. A row of the table
is a file here.
"""

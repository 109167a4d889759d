"""Conformance tests: every generated function, called on every release that serves its operation.

``prover.py`` makes the calls and checks the responses. ``variants.py`` changes each response into
one that an older or newer portal might send. ``table.py`` writes the table of proven operations,
and ``unanswerable.py`` lists those that cannot succeed on a portal in memory.

``portals.py`` writes the table of releases, from a run over all of them. ``differences.py`` and
``sent.py`` list what they do otherwise. ``paper.py`` compares their Swagger with the types.

``test_parameters.py`` tests the query parameters of lists: ``rules.py`` computes the expected
effect of each parameter, and ``asker.py`` sends the queries.

``test_walks.py`` tests the sort orders of lists, harvests and their updates, also while
``writers.py`` changes the lists. ``serving.py`` reads what to expect of a release from its Swagger.
"""

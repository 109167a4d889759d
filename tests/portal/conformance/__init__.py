"""Every operation, called through its generated function, on every release that serves it.

``prover.py`` makes the calls and checks the answers, ``variants.py`` makes of each answer what a
portal of another time might have said, ``table.py`` writes down what was proven. What cannot be
answered in memory is in ``unanswerable.py``.

``test_parameters.py`` is about the queries of lists: ``rules.py`` says what must come of each
parameter, ``asker.py`` asks.
"""

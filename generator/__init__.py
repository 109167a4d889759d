"""Turns the pinned Swagger of udata into ``aiodatagouv.api`` and ``aiodatagouv.models``.

In the order in which a document travels: ``pin`` takes it from a portal, ``releases`` merges the
pinned releases into one, ``corrections`` mends what is wrong about it, ``convert`` makes it an
OpenAPI document that says what it means, ``view`` has openapi-python-client parse it and decides
what the Python shall look like (with ``names``, ``renaming``, ``descriptions`` and
``expressions``), ``emit`` writes that with the templates.
"""

"""Generate ``aiodatagouv.api`` and ``aiodatagouv.models`` from the pinned Swagger of udata.

The modules, in the order in which they process the document:

* ``origins`` reads it from a portal, from the udata package or from files, and ``pin`` stores it;
* ``combine`` makes one document of the two versions of the API, by the names of ``versions``;
* ``document`` checks its shape, before and after the next two steps;
* ``releases`` merges the pinned releases into one document;
* ``corrections`` applies the entries of ``openapi/corrections.toml``, whose keys ``keys`` knows;
* ``convert`` converts it from Swagger 2.0 to OpenAPI 3.1;
* ``view`` parses it with openapi-python-client and builds the declarations to generate, using
  ``names``, ``renaming``, ``descriptions``, ``expressions`` and ``qualified``;
* ``emit`` renders the templates through the filters of ``safe``, has ``verify`` check that the
  files contain declarations only, and writes them to a new folder.

``build`` runs the steps up to ``view``, also for releases that the corrections were not made for,
and ``diff`` compares the results. ``errors`` has the base class of all their errors.

``client`` makes packages for other portals: ``project`` has their folder, ``adapt`` applies the
corrections and names to their release, and ``target`` tells the templates which package they are
for. ``swap`` replaces several files or folders by new ones: all or none, even if it is killed.
"""

"""Compare two releases of the API as a caller of the generated functions sees them.

* ``sources`` reads what is compared: a pin, a file, a portal, the udata package or a git revision;
* ``matching`` pairs the operations and the models of both sides;
* ``assignment`` decides whether a type still takes, or still yields, what it did;
* ``operations``, ``models`` and ``enums`` find the changes, and ``rules`` classes them;
* ``compare`` puts them together;
* ``report`` writes them in Markdown, and ``command`` runs the comparison.
"""

from .compare import compare as compare
from .compare import compare_attempts as compare_attempts
from .rules import Change as Change
from .rules import Status as Status
from .rules import status_of as status_of

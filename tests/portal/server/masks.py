"""Parse masks with flask-restx, the parser of the server, in udata's virtual environment.

Reads a JSON string per line and writes a JSON value per line: the fields of the mask as nested
objects, or null if the mask is invalid.
"""

import json
import sys

from flask_restx.mask import Mask, MaskError


def kept(text):
    try:
        return tree(Mask(text))
    except MaskError:
        return None


def tree(mask):
    return {
        name: tree(inside) if isinstance(inside, Mask) else None for name, inside in mask.items()
    }


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(kept(json.loads(line))), flush=True)

"""What the server's own mask makes of texts: one JSON line in, one JSON line out.

Runs where udata is installed. For each text, the fields that it keeps, as nested objects, or null
when the server refuses it.
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

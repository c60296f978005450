"""A program beside the application: python -m tasks."""

import json

from shop import seen

if __name__ == "__main__":
    print(json.dumps(seen()))

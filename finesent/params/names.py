"""What a name in params.yaml that becomes the name of a file or folder may look like."""

from __future__ import annotations

import re

NAME = re.compile(r"[a-z0-9][a-z0-9-]*")

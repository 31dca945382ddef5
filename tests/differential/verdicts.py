"""Says of each frame on stdin what the Python SDK's check says of it; `crates/trunkline-catalogue/examples/verdicts.rs` has the lines."""

from __future__ import annotations

import json
import sys

from trunkline.messages import check

for line in sys.stdin:
    case = json.loads(line)
    fault = check(case["dialect"], case["frame"], sender=case["sender"])
    print(json.dumps(fault and fault._asdict()))

"""The message types of every dialect as pydantic models: `from trunkline.models import payload`.

They say what `trunkline.messages` says, keep the fields that they do not name, and leave out of what they write what nobody set. They
need pydantic 2.11 or newer: `pip install trunkline[pydantic]`. Nothing else of the SDK imports it.
"""

"""The first query from Python: python first_query.py (needs pandas)."""

import os
from pathlib import Path
from urllib.parse import urlencode

import pandas as pd

address = os.environ.get("DLOM_URL", "http://localhost:8501")
query = Path(__file__).with_name("first_query.rq").read_text(encoding="utf-8")
table = pd.read_csv(f"{address}/sparql?{urlencode({'query': query})}", storage_options={"Accept": "text/csv"})
print(table.to_csv(index=False), end="")

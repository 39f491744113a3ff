#!/bin/sh
# The first query with curl: sh first_query.sh
curl --silent --show-error --fail --header "Accept: text/csv" \
  --data-urlencode "query@$(dirname "$0")/first_query.rq" "${DLOM_URL:-http://localhost:8501}/sparql"

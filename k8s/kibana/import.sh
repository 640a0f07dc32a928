#!/bin/sh
# Brings the data views and dashboards of this folder into Kibana 9.5 or later.
# KIBANA_URL: its address, with /s/<space> for another space than the default; KIBANA_USER: curl asks for the password.
set -eu
cd "$(dirname "$0")"
send() {
  echo "$2 $3"
  curl --fail-with-body --silent --show-error --output /dev/null ${KIBANA_USER:+--user "$KIBANA_USER"} \
    --request "$1" --header 'kbn-xsrf: true' --header 'Elastic-Api-Version: 2023-10-31' \
    --header 'Content-Type: application/json' --data-binary "@$3" "${KIBANA_URL%/}$2"
}
send POST /api/data_views/data_view data-views/articles.json
send POST /api/data_views/data_view data-views/sources.json
send POST /api/data_views/data_view data-views/alerts.json
send PUT /api/dashboards/8a639f7b-450e-51b9-928e-2e62f946c04c dashboards/overview.json
send PUT /api/dashboards/39d64645-7e7a-5af2-befa-30bc70ad0ce4 dashboards/sentiment.json
send PUT /api/dashboards/3ef1d431-ddff-59a9-aabb-5523d0313921 dashboards/places.json
send PUT /api/dashboards/cafc204b-bea7-5968-a0f8-c0f84929fe7a dashboards/sources.json
send PUT /api/dashboards/47a6e46e-f301-57e3-9891-acf032801c32 dashboards/alerts.json
send PUT /api/dashboards/05406c86-6e7a-5740-b903-073f3c9ca970 dashboards/land.json

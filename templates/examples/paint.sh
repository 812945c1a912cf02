#!/bin/sh
# Paints a photo after The Starry Night: sh paint.sh photo.jpg artwork.jpg
set -eu
atelier=${ATELIER:-http://127.0.0.1:8000}

# Asks, and keeps the answer; a refusal says why, and ends this.
ask() { answer=$(curl --silent --show-error --fail-with-body "$@") || { echo "$answer" >&2; exit 1; }; }
# The first text of that name in the answer.
text() { printf '%s' "$answer" | grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }

ask --form "photo=@$1" "$atelier/api/v1/photos"
photo=$(text id)

# The same key with the same request is the same job, so after a broken connection this can be sent again.
ask --header "Idempotency-Key: $photo" --header "Content-Type: application/json" \
    --data "{\"photo\": \"$photo\", \"styles\": [{\"id\": \"starry_night\"}], \"size\": 256, \"quality\": \"draft\"}" \
    "$atelier/api/v1/jobs"
job=$(text id)

while ask "$atelier/api/v1/jobs/$job"; do
    case $(text status) in
    queued | running) sleep 1 ;;
    finished) break ;;
    *) printf '%s\n' "$answer" >&2; exit 1 ;;
    esac
done

ask --output "$2" "$atelier/api/v1/jobs/$job/artwork.jpg"

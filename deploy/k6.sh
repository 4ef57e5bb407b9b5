#!/bin/sh
# k6 in the image. Where RECORDS names a place of rclone's (":s3:bucket/folder"), what k6 wrote of the run goes there when it has
# ended; k6's exit code is this one's. All else is k6 itself, plan-load-k6.
if [ -z "${RECORDS:-}" ] || [ "${1:-}" != run ]; then exec plan-load-k6 "$@"; fi

plan-load-k6 "$@" &
k6=$!
# An interrupt is k6's: it deletes its plans and writes its record. `wait` returns at a signal, before k6 has ended.
trap 'kill -TERM "$k6"' INT TERM
while wait "$k6"; code=$?; kill -0 "$k6" 2>/dev/null; do :; done

rclone copy "$OUT_DIR/$RUN_ID" "$RECORDS/$RUN_ID" ||
  echo "the record could not be copied to $RECORDS: rclone said why; npm run merge will miss this instance" >&2
exit "$code"

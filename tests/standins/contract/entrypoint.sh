#!/bin/bash
# Stands in for an image's own entrypoint, such as /opt/nvidia/nvidia_entrypoint.sh: a banner, a variable, and what was asked for.
printf '\n== stand-in for a vendor: %s ==\n\n' "$0"
export STANDIN_ENTRYPOINT=$0
exec "$@"

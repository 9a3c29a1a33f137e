#!/bin/bash
# Written by composegen. Give root (and the user made at start) a new random password and print it.
exec /etc/composegen/entrypoint.sh new-password

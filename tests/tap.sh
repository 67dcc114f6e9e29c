#!/bin/bash
# Runs one test file so that it speaks TAP: a .bats file through Bats, a program as it is.
# In CI a file that hangs is ended, and so named.
limit=()
[ -n "${CI:-}" ] && limit=(timeout --kill-after=5 300)
case $1 in
*.bats) exec "${limit[@]}" "$BATS" --tap "$1" ;;
*) exec "${limit[@]}" "$1" ;;
esac

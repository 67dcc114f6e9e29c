#!/bin/bash
# Runs one test file so that it speaks TAP: a .bats file through Bats, a program as it is.
# In CI a file that hangs is ended, and so named. System V objects are its own, where that can be had.
limit=()
[ -n "${CI:-}" ] && limit=(timeout --kill-after=5 300)
own_ipc=()
unshare --ipc true 2>/dev/null && own_ipc=(unshare --ipc)
case $1 in
*.bats) exec "${own_ipc[@]}" "${limit[@]}" "$BATS" --tap "$1" ;;
*) exec "${own_ipc[@]}" "${limit[@]}" "$1" ;;
esac

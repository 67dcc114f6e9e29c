# Every shell script and test is clean for shellcheck, but for SC2317 (functions are called through other scripts)
# and SC2018, SC2019 (tr a-z: the locale is C.UTF-8).
need shellcheck shellcheck
status=0
shopt -s nullglob
shellcheck -e SC2317,SC2018,SC2019 -s bash .ci/run tests/*.sh tests/*/*.sh || status=1
bats=(tests/*.bats tests/*.bash)
[ "${#bats[@]}" -eq 0 ] || shellcheck -e SC2317,SC2018,SC2019 -s bats -x -P tests "${bats[@]}" || status=1
exit "$status"

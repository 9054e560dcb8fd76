#!/bin/sh
# Ends what the platform has started, when the platform is gone without having done so.
#
# Its standard input ends when the platform does, even by kill -9. Until then it is told which process groups
# there are: "+ pid", "- pid". On Linux it goes by the environment instead: each of ours was started
# with TMPDIR below the directory that is given here, which no other process was.
trap '' HUP INT QUIT TERM
directory=$1
groups=' '
while read -r sign pid; do
  case $sign in
    +) groups="$groups$pid " ;;
    -) groups="${groups%% "$pid" *} ${groups#* "$pid" }" ;;
  esac
done
if [ -r /proc/self/environ ]; then
  # More than one look: one of them may have started another meanwhile.
  for look in 1 2 3; do
    for file in $(grep -slaF "TMPDIR=$directory/" /proc/[0-9]*/environ); do
      pid=${file#/proc/}
      kill -KILL "${pid%/environ}" 2>/dev/null
    done
  done
else
  for pid in $groups; do kill -KILL "-$pid" 2>/dev/null; done
fi
rm -rf "$directory"

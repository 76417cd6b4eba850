#!/bin/sh
# Talks to the shell of kv.cpp over two pipes, kills it with SIGKILL in between, and looks whether
# what it had answered is there: kv_test.sh PROGRAM FOLDER
set -eu
program=$1
rm -rf "$2"
mkdir -p "$2"
cd "$2"
mkfifo say hear

start() {
  "$program" store <say >hear &
  pid=$!
  exec 3>say 4<hear
  expect "$1 keys; anything else shows what you can say"
}
expect() {
  IFS= read -r line <&4
  if [ "$line" != "$1" ]; then
    echo "said \"$line\", expected \"$1\""
    exit 1
  fi
}
ask() {
  echo "$1" >&3
  expect "$2"
}
die() {
  kill -KILL "$pid"
  wait "$pid" || true
  exec 3>&- 4<&-
}

start 0
ask 'put ann blue' 'ok, revision 1'
ask 'put "bob the first" "light green"' 'ok, revision 2'
ask 'cas ann red green' 'no: it is another value, of revision 1'
ask 'cas ann blue red' 'ok, revision 4'
ask 'add visits 41' '41'
ask 'put session x 3600' 'ok, revision 6'
die

start 4
ask 'get ann' 'red'
ask 'get "bob the first"' 'light green'
ask 'add visits' '42'
ask 'cas ann - new' 'no: it is another value, of revision 4'
ask 'ttl ann' 'for ever'
ask 'del session' 'ok, revision 0'
ask 'save' 'saved'
ask 'put empty ""' 'ok, revision 10'
die

start 4
ask 'watch' 'watching'
ask 'watch v 10' 'watching'
ask 'scan a' 'ann = red'
expect 'that is all'
ask 'ttl session' '(none)'
ask 'get empty' ''
echo 'add visits' >&3
IFS= read -r one <&4
IFS= read -r two <&4
IFS= read -r three <&4
all=$(printf '%s\n' "$one" "$two" "$three" | sort)
if [ "$all" != "$(printf '%s\n' '* 11: visits = 43' '* 11: visits = 43' '43' | sort)" ]; then
  echo "said \"$all\""
  exit 1
fi
echo quit >&3
wait "$pid"
echo "killed twice, and all that it answered was there"

#!/bin/sh
# Prints the newest clang (argument "compiler") or ld.lld ("linker") of version 14 or later that knows the MSP430.
# Debian installs clang-14 and ld.lld-14 beside, or instead of, the plain names.
case "$1" in
compiler) names="clang" ;;
linker) names="ld.lld" ;;
*)
  echo "usage: find-clang.sh compiler|linker" >&2
  exit 2
  ;;
esac
for name in "$names" $(for v in 22 21 20 19 18 17 16 15 14; do echo "$names-$v"; done); do
  path=$(command -v "$name" 2>/dev/null) || continue
  version=$("$path" --version 2>/dev/null | sed -n 's/.*\(version\|LLD\) \([0-9][0-9]*\)\..*/\2/p' | head -n 1)
  [ "${version:-0}" -ge 14 ] || continue
  if [ "$1" = compiler ] && ! "$path" -print-targets 2>/dev/null | grep -q '^ *msp430 '; then continue; fi
  echo "$path"
  exit 0
done
exit 0

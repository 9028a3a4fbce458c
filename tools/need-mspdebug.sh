#!/bin/sh
# Installs mspdebug when a flash needs it and it is missing; without the right to, says how. $1: DRIVER of make flash.
case $1 in bsl:* | emu:*) exit 0 ;; esac
command -v mspdebug >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get install -y --no-install-recommends mspdebug >&2
else
  echo 'mspdebug is not installed: sudo apt-get install mspdebug' >&2
  exit 1
fi

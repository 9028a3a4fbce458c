#!/usr/bin/env bash
# Makes sure that the programs the tests need are there: installs them by apt-get when run as root, else lists them.
set -euo pipefail

# command, or file, and the Debian package that brings it
needs=(
  'gcc gcc'
  'make make'
  'socat socat'
  'chromium chromium'
  'clang-format clang-format'
  'clang-tidy clang-tidy'
  'cppcheck cppcheck'
  'mspdebug mspdebug'
  'sigrok-cli sigrok-cli'
  'ser2net ser2net'
  'tshark tshark'
  'mosquitto_pub mosquitto-clients'
  'mosquitto mosquitto'
  'pyserial-miniterm python3-serial'
  'openssl openssl'
  'redis-server redis-server'
  'nats-server nats-server'
  'haproxy haproxy'
  'nginx nginx'
  '/usr/lib/nginx/modules/ngx_stream_module.so libnginx-mod-stream'
)
if ! command -v msp430-elf-gcc >/dev/null && [ ! -x "${HOME}/.cache/earl/msp430-elf-gcc/bin/msp430-elf-gcc" ]; then
  needs+=('clang clang' 'ld.lld lld')
fi

missing=()
for need in "${needs[@]}"; do
  read -r command package <<<"$need"
  { [[ $command = /* ]] && [ -e "$command" ]; } || command -v "$command" >/dev/null || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "setup: installing ${missing[*]}" >&2
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
else
  echo "setup: the tests need programs that are not installed: ${missing[*]}" >&2
  echo "setup: on Debian or Ubuntu run: sudo apt-get install ${missing[*]}" >&2
  exit 1
fi

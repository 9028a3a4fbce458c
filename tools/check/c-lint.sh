#!/usr/bin/env bash
# Static analysis of the firmware's C, as the MSP430 sees it, and of the cloud's: cppcheck and clang-tidy. Every finding is an
# error. What is switched off stands here with its reason. A program that is not installed is skipped with a message.
set -euo pipefail
cd "$(dirname "$0")/../.."

# The images' sources: tests and their stand-ins are compiled with warnings as errors and sanitizers instead.
mapfile -t files < <(git ls-files 'firmware/*.c' | grep -v '/test/' || true)
[ ${#files[@]} -eq 0 ] && exit 0
mapfile -t addon < <(git ls-files 'cloud/native/*.c' | grep -v '/test/' || true)
node_api=node_modules/node-api-headers/include
failed=0

skipped() {
  echo "c-lint: $1 is not installed, the firmware was not analysed by it (make setup installs it)" >&2
}

cppcheck_suppressions=(
  # Linker symbols that delimit one region are two objects to C; their distance is the point.
  'comparePointers:firmware/hal/reset.c'
  # False positive of cppcheck 2.10: a uint16_t that is incremented to 0 has wrapped.
  'knownConditionTrueFalse:firmware/link/link.c'
  # `0u << 1 | …` spells out a register's fields as its data sheet does.
  'badBitmaskCheck:firmware/hal/uart.c'
  # Where a variable is declared is a matter of style.
  'variableScope'
)
if command -v cppcheck >/dev/null; then
  cppcheck --quiet --error-exitcode=1 --enable=warning,style,performance,portability --std=c11 \
    --platform=tools/check/msp430.xml --template='{file}:{line}: {severity}: {message} [{id}]' -D__MSP430__ -Ifirmware \
    "${cppcheck_suppressions[@]/#/--suppress=}" "${files[@]}" >&2 || failed=1
  # Node's headers are declared to it by name only, so that it does not analyse them.
  cppcheck --quiet --error-exitcode=1 --enable=warning,style,performance,portability --std=c11 --platform=unix64 \
    --template='{file}:{line}: {severity}: {message} [{id}]' --suppress=variableScope "${addon[@]}" >&2 || failed=1
else
  skipped cppcheck
fi

clang_tidy_checks=(
  '-*' 'clang-analyzer-*' 'bugprone-*' 'cert-*' 'misc-*' 'performance-*' 'portability-*'
  'readability-misleading-indentation' 'readability-inconsistent-declaration-parameter-name'
  'readability-non-const-parameter'
  '-performance-no-int-to-ptr'             # a peripheral register is an integer made a pointer
  '-bugprone-easily-swappable-parameters'  # (address, register, value) are numbers by nature
  '-bugprone-reserved-identifier' '-cert-dcl37-c' '-cert-dcl51-cpp' # linker symbols and the EABI's own functions
  '-bugprone-too-small-loop-variable'      # loops of uint8_t over arrays whose size, below 256, is a constant
)
if command -v clang-tidy >/dev/null; then
  checks=$(IFS=,; echo "${clang_tidy_checks[*]}")
  clang-tidy --quiet --checks="$checks" --warnings-as-errors='*' "${files[@]}" \
    -- --target=msp430 -std=c11 -ffreestanding -Ifirmware 2> >(grep -v 'warnings\? generated\|^Suppressed\|^Use -' >&2) || failed=1
  if [ -d "$node_api" ]; then
    # memcpy_s and its kind are not in glibc; what becomes an iovec cannot be const.
    not_here=-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling,-readability-non-const-parameter
    clang-tidy --quiet --checks="$checks,$not_here" \
      --warnings-as-errors='*' "${addon[@]}" -- -std=c11 -D_GNU_SOURCE -isystem "$node_api" \
      2> >(grep -v 'warnings\? generated\|^Suppressed\|^Use -' >&2) || failed=1
  fi
else
  skipped clang-tidy
fi
exit "$failed"

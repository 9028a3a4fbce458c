#!/usr/bin/env bash
# Compares the C of firmware and cloud with .clang-format; with --fix, formats it. Generated files are left alone.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! command -v clang-format >/dev/null; then
  echo 'c-format: clang-format is not installed, the C sources were not compared (make setup installs it)' >&2
  exit 0
fi
mapfile -t files < <(git ls-files {firmware,cloud}/'*.c' {firmware,cloud}/'*.h' | grep -v '\.gen\.h$' || true)
[ ${#files[@]} -eq 0 ] && exit 0
if [ "${1:-}" = --fix ]; then
  clang-format -i "${files[@]}"
else
  clang-format --dry-run --Werror "${files[@]}"
fi

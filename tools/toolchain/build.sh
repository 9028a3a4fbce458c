#!/bin/sh
# Builds msp430-elf-gcc 12.2 (C only, no C library) from Debian 12's own source packages binutils-source and gcc-12-source
# into ~/.cache/earl/msp430-elf-gcc, where firmware/Makefile looks for it. About 20 minutes on two cores, 3 GB of disk.
#
#   tools/toolchain/build.sh [--prefix DIR] [--work DIR] [--jobs N] [--until STAGE]
#
# Stages: fetch, binutils, gcc, libgcc. A stage that was completed in the work folder is not repeated, so an interrupted
# run goes on where it stopped. No root needed, except for build packages that are missing: it names them.
#
# Left out: newlib and gdb, which Earl does not use; other architectures than the ones Debian builds on.
set -eu

prefix="$HOME/.cache/earl/msp430-elf-gcc"
work="$HOME/.cache/earl/toolchain-build"
jobs=$(nproc 2>/dev/null || echo 2)
until=all
binutils_version=2.40
gcc_version=12.2.0

usage() {
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0"
}

fail() {
  echo "toolchain: $*" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case "$1" in
  --prefix) prefix=$2 && shift 2 ;;
  --work) work=$2 && shift 2 ;;
  --jobs) jobs=$2 && shift 2 ;;
  --until) until=$2 && shift 2 ;;
  -h | --help) usage && exit 0 ;;
  *) usage >&2 && exit 2 ;;
  esac
done
case "$until" in fetch | binutils | gcc | libgcc | all) ;; *) fail "no stage '$until': fetch, binutils, gcc, libgcc" ;; esac

[ -e "$prefix/bin/msp430-elf-gcc" ] && {
  echo "toolchain: $prefix/bin/msp430-elf-gcc exists already: $("$prefix/bin/msp430-elf-gcc" --version | head -n 1)"
  exit 0
}

check_prerequisites() {
  missing=""
  for command in gcc g++ make bison flex xz patch dpkg-deb apt-get; do
    command -v "$command" >/dev/null 2>&1 || missing="$missing $command"
  done
  for header in gmp.h mpfr.h mpc.h; do
    echo "#include <$header>" | gcc -E - >/dev/null 2>&1 || missing="$missing $header"
  done
  [ -z "$missing" ] || fail "missing:$missing. As root:
  apt install build-essential bison flex xz-utils libgmp-dev libmpfr-dev libmpc-dev"
}

# Runs the function `stage_$1` once in its own log, and stops after the stage that --until names.
stage() {
  if [ ! -e "$work/$1.done" ]; then
    echo "toolchain: $1 (log: $work/$1.log)"
    if ! (set -eu; "stage_$1") >"$work/$1.log" 2>&1; then
      tail -n 20 "$work/$1.log" >&2
      fail "$1 failed"
    fi
    touch "$work/$1.done"
  fi
  if [ "$1" = "$until" ]; then
    echo "toolchain: stopped after $1, as asked"
    exit 0
  fi
}

# The two packages are only unpacked here, not installed.
stage_fetch() {
  cd "$work"
  apt-get download binutils-source gcc-12-source
  for package in binutils-source_*.deb gcc-12-source_*.deb; do dpkg-deb -x "$package" packages; done
  tar xJf "packages/usr/src/binutils/binutils-$binutils_version.tar.xz"
  tar xJf "packages/usr/src/gcc-12/gcc-$gcc_version-dfsg.tar.xz"
  rm -rf packages ./*.deb
  [ -d "gcc-$gcc_version" ] || mv "gcc-$gcc_version-dfsg" "gcc-$gcc_version"
  [ -x "binutils-$binutils_version/configure" ] && [ -x "gcc-$gcc_version/configure" ]
}

stage_binutils() {
  mkdir -p "$work/build-binutils"
  cd "$work/build-binutils"
  "../binutils-$binutils_version/configure" --target=msp430-elf --prefix="$prefix" --disable-nls --disable-gdb \
    --disable-sim --disable-werror --disable-gprofng
  make -j "$jobs" MAKEINFO=true
  make install MAKEINFO=true
}

# Debian takes GCC's documentation out, so the targets that would format it are stepped over.
stage_gcc() {
  mkdir -p "$work/build-gcc"
  cd "$work/build-gcc"
  PATH="$prefix/bin:$PATH"
  export PATH
  "../gcc-$gcc_version/configure" --target=msp430-elf --prefix="$prefix" --enable-languages=c --disable-nls \
    --disable-shared --disable-threads --disable-libssp --disable-libquadmath --disable-libgomp --disable-libatomic \
    --disable-lto --with-newlib
  make -j "$jobs" all-gcc MAKEINFO=true
  touch gcc/s-tm-texi
  make -C gcc install-common install-headers install-driver install-mkheaders MAKEINFO=true
}

stage_libgcc() {
  cd "$work/build-gcc"
  PATH="$prefix/bin:$PATH"
  export PATH
  make -j "$jobs" all-target-libgcc
  make install-target-libgcc
}

check_prerequisites
mkdir -p "$work"
stage fetch
stage binutils
stage gcc
stage libgcc
"$prefix/bin/msp430-elf-gcc" --version | head -n 1
rm -rf "$work"
echo "toolchain: installed in $prefix"

#!/bin/sh
# Compiles compute.c and prints host/cli/bench-program.ts. Needs msp430-elf-gcc 12 in $MSP430_GCC or the PATH.
set -eu
here=$(dirname "$0")
prefix=${MSP430_GCC:+$MSP430_GCC/bin/}msp430-elf-
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/compute.ld" <<'LD'
SECTIONS {
  . = 0xc000;
  .text : { *(.text.start) *(.text*) *(.rodata*) }
  values = 0x200; rounds = 0x280; digest = 0x282; state = 0x284; limit = 0x286;
}
LD
"${prefix}gcc" -mmcu=msp430g2553 -Os -nostdlib -ffreestanding -T "$work/compute.ld" "$here/compute.c" -o "$work/compute.elf"
"${prefix}objcopy" -O binary -j .text "$work/compute.elf" "$work/compute.bin"
done_at=$("${prefix}nm" "$work/compute.elf" | sed -n 's/^0*\([0-9a-f]*\) T done$/0x\1/p')
echo "/** The compute loop of \`earl bench emulator\`: tools/bench/emulator/compute.c, compiled by compute.sh there. Do not edit. */"
echo
echo "/** From 0xC000 on. */"
echo "export const computeWords = ["
od -An -v -tx2 -w16 "$work/compute.bin" | sed 's/ \([0-9a-f]\{4\}\)/ 0x\1,/g; s/^ /  /'
echo "] as const;"
echo
echo "/** Where it stops after \`limit\` rounds, and its variables. */"
echo "export const computeAddresses = { done: $done_at, rounds: 0x280, digest: 0x282, limit: 0x286 } as const;"

/** Copying short stretches of bytes, which samples are: without the view that `set` needs. */

/** Longer ones are faster copied by the runtime. */
const shortBytes = 128;

/** Copies what lies from `start` to `end`. */
export function copyBytes(source: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > shortBytes) {
    to.set(source.subarray(start, end), at);
    return;
  }
  for (let from = start, next = at; from < end; ) to[next++] = source[from++]!;
}

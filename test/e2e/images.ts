/**
 * Which firmware the end-to-end tests run: the released images, or those of a build when EARL_IMAGES names its folder
 * (`EARL_IMAGES=firmware/build/gcc npx vitest run test/e2e`).
 */

const folder = process.env.EARL_IMAGES;

/** What `earl emulate` is told. */
export function boardImage(kind: string): string {
  return folder ? `${folder}/${kind}.hex` : kind;
}

/** The transport of an emulated probe. */
export function boardUrl(kind: string): string {
  return `emu:${boardImage(kind)}`;
}

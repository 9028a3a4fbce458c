/** What the user's system asks of pages, looked up once and kept current by the browser. */

const motion = matchMedia('(prefers-reduced-motion: reduce)');
const dark = matchMedia('(prefers-color-scheme: dark)');

export function reducedMotion(): boolean {
  return motion.matches;
}

/** Calls back when light became dark or the other way round. */
export function onThemeChange(changed: () => void): void {
  dark.addEventListener('change', changed);
}

/** Colours of the LEDs in figures and in words, so that nobody has to tell them apart by eye alone. */

/** Red, green, blue, 0 to 255. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** Colours that a button offers; all of them are levels that the TCA6507 has. */
export const swatches: readonly { readonly name: string; readonly hex: string }[] = [
  { name: 'Red', hex: '#ff0000' },
  { name: 'Orange', hex: '#ff7700' },
  { name: 'Yellow', hex: '#ffdd00' },
  { name: 'Green', hex: '#00ff00' },
  { name: 'Cyan', hex: '#00ffff' },
  { name: 'Blue', hex: '#0000ff' },
  { name: 'Violet', hex: '#8800ff' },
  { name: 'Magenta', hex: '#ff00ff' },
  { name: 'White', hex: '#ffffff' },
];

/** Upper ends of the hues in degrees. */
const hues: readonly (readonly [number, string])[] = [
  [14, 'red'],
  [43, 'orange'],
  [68, 'yellow'],
  [90, 'lime'],
  [145, 'green'],
  [168, 'mint'],
  [194, 'cyan'],
  [222, 'azure'],
  [252, 'blue'],
  [286, 'violet'],
  [322, 'magenta'],
  [345, 'rose'],
  [360, 'red'],
];

export function toHex(rgb: Rgb): string {
  return `#${rgb.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;
}

/** Reads `#f80`, `#ff8800`, with or without the number sign; undefined for anything else. */
export function parseHex(text: string): Rgb | undefined {
  const digits = /^\s*#?([0-9a-f]{3}|[0-9a-f]{6})\s*$/i.exec(text)?.[1];
  if (digits === undefined) return undefined;
  const full = digits.length === 3 ? [...digits].map((digit) => digit + digit).join('') : digits;
  const number = Number.parseInt(full, 16);
  return [number >> 16, (number >> 8) & 0xff, number & 0xff];
}

/** `orange`, `dim blue`, `pale green`, `white`, `off`. */
export function colorName(rgb: Rgb): string {
  const [red, green, blue] = rgb;
  const max = Math.max(red, green, blue);
  const chroma = max - Math.min(red, green, blue);
  if (max === 0) return 'off';
  const dim = max < 96 ? 'dim ' : '';
  const saturation = chroma / max;
  if (saturation < 0.2) return `${dim}white`;
  const hue = hueOf(rgb, max, chroma);
  const name = hues.find(([end]) => hue <= end)?.[1] ?? 'red';
  return `${dim}${saturation < 0.5 ? 'pale ' : ''}${name}`;
}

function hueOf([red, green, blue]: Rgb, max: number, chroma: number): number {
  const sixth =
    max === red ? (green - blue) / chroma : max === green ? 2 + (blue - red) / chroma : 4 + (red - green) / chroma;
  return (sixth * 60 + 360) % 360;
}

/** Relative luminance, 0 to 1, of linear light: the duty of an LED is linear already (WCAG 2.2, "relative luminance"). */
export function luminance([red, green, blue]: Rgb): number {
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}

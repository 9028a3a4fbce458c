/** Makes elements without markup strings, so that nothing a probe sends can ever become HTML. */

export type Child = Node | string | null | undefined | false;
export type Attributes = Record<string, string | number | boolean | undefined>;

const SVG = 'http://www.w3.org/2000/svg';
let lastId = 0;

/** An id that no other element of this page has, with a readable beginning. */
export function uniqueId(prefix: string): string {
  lastId++;
  return `${prefix}-${lastId}`;
}

function setAttributes(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
}

/** An HTML element with attributes (`true` sets an empty one, `false` and `undefined` none) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}

/** A picture from the symbols in index.html; decoration only, its meaning stands beside it in words. */
export function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  setAttributes(svg, { class: 'icon', 'aria-hidden': 'true', focusable: 'false' });
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Shows another picture in an `icon`. */
export function setIcon(svg: SVGSVGElement, name: string): void {
  const use = svg.firstElementChild;
  const href = `#icon-${name}`;
  if (use !== null && use.getAttribute('href') !== href) use.setAttribute('href', href);
}

/** Writes text only when it changed: an unchanged node costs no layout and is not announced again. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets an attribute only when it changed. */
export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

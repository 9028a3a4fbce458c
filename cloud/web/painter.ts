/**
 * The one animation loop of the page.
 *
 * Views are painted at most once a frame, only while they are on the screen, and not at all while the tab is hidden or
 * updates are paused: then no frame is asked for. A view that leaves the screen is told, so that it may free its canvas.
 */

export interface Painted {
  /** @param nowMs wall clock, the same for all views of a frame */
  paint(nowMs: number): void;
  /** The view came to the screen or left it. */
  shown?(visible: boolean): void;
}

/** Views this far outside of the screen are painted already. */
const MARGIN = '120px';

export class Painter {
  private readonly views = new Map<Element, Painted>();
  private readonly visible = new Set<Element>();
  private readonly observer: IntersectionObserver;
  private frame = 0;
  private paused = false;

  constructor() {
    this.observer = new IntersectionObserver((entries) => this.crossed(entries), { rootMargin: MARGIN });
    document.addEventListener('visibilitychange', () => this.wake());
  }

  add(element: Element, view: Painted): void {
    this.views.set(element, view);
    this.observer.observe(element);
  }

  remove(element: Element): void {
    this.observer.unobserve(element);
    this.visible.delete(element);
    this.views.delete(element);
  }

  isVisible(element: Element): boolean {
    return document.visibilityState === 'visible' && this.visible.has(element);
  }

  setPaused(paused: boolean): void {
    this.paused = paused;
    this.wake();
  }

  /** Paints a view once, paused or not: after something that its user did. */
  paintNow(element: Element): void {
    if (this.visible.has(element)) this.views.get(element)?.paint(Date.now());
  }

  private crossed(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const view = this.views.get(target);
      if (view === undefined || isIntersecting === this.visible.has(target)) continue;
      if (isIntersecting) this.visible.add(target);
      else this.visible.delete(target);
      view.shown?.(isIntersecting);
      if (isIntersecting) view.paint(Date.now());
    }
    this.wake();
  }

  private wake(): void {
    const idle = this.paused || document.visibilityState !== 'visible' || this.visible.size === 0;
    if (idle) {
      cancelAnimationFrame(this.frame);
      this.frame = 0;
    } else if (this.frame === 0) {
      this.frame = requestAnimationFrame(() => this.paint());
    }
  }

  private paint(): void {
    this.frame = 0;
    const nowMs = Date.now();
    for (const element of this.visible) this.views.get(element)?.paint(nowMs);
    this.wake();
  }
}

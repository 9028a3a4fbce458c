/**
 * A tree of topic levels that finds the filters matching a topic, or the topics matching a filter, without visiting the
 * others. It serves both ways round: subscriptions are stored under their filter, retained messages under their topic.
 */

import { isReserved, isWildcard } from '../protocol/index.ts';

class Node<Value> {
  readonly children = new Map<string, Node<Value>>();
  readonly values = new Set<Value>();
}

export class TopicTree<Value> {
  readonly #root = new Node<Value>();

  add(path: string, value: Value): void {
    let node = this.#root;
    for (const level of path.split('/')) {
      const child: Node<Value> = node.children.get(level) ?? new Node();
      node.children.set(level, child);
      node = child;
    }
    node.values.add(value);
  }

  /** Removes the value and the branches that it leaves empty. */
  delete(path: string, value: Value): void {
    const levels = path.split('/');
    const nodes = [this.#root];
    for (const level of levels) {
      const child = nodes.at(-1)!.children.get(level);
      if (child === undefined) return;
      nodes.push(child);
    }
    nodes.at(-1)!.values.delete(value);
    for (let depth = levels.length; depth > 0; depth--) {
      const node = nodes[depth]!;
      if (node.values.size > 0 || node.children.size > 0) return;
      nodes[depth - 1]!.children.delete(levels[depth - 1]!);
    }
  }

  /** Values stored under filters that match the topic. */
  matching(topic: string): Value[] {
    const found: Value[] = [];
    const levels = topic.split('/');
    const visit = (node: Node<Value>, depth: number): void => {
      const wildcards = depth > 0 || !isReserved(topic);
      if (wildcards) addAll(found, node.children.get('#'));
      const level = levels[depth];
      if (level === undefined) {
        addAll(found, node);
        return;
      }
      const exact = node.children.get(level);
      if (exact) visit(exact, depth + 1);
      const single = wildcards ? node.children.get('+') : undefined;
      if (single) visit(single, depth + 1);
    };
    visit(this.#root, 0);
    return found;
  }

  /** Values stored under topics that the filter matches. */
  selectedBy(filter: string): Value[] {
    const found: Value[] = [];
    const levels = filter.split('/');
    const visit = (node: Node<Value>, depth: number): void => {
      const level = levels[depth];
      if (level === undefined) {
        addAll(found, node);
        return;
      }
      if (!isWildcard(level)) {
        const child = node.children.get(level);
        if (child) visit(child, depth + 1);
        return;
      }
      if (level === '#') addAll(found, node);
      for (const [name, child] of node.children) {
        if (node === this.#root && isReserved(name)) continue;
        visit(child, level === '#' ? depth : depth + 1);
      }
    };
    visit(this.#root, 0);
    return found;
  }

  get isEmpty(): boolean {
    return this.#root.children.size === 0;
  }
}

function addAll<Value>(found: Value[], node: Node<Value> | undefined): void {
  if (node) for (const value of node.values) found.push(value);
}

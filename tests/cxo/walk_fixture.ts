import { Buffer } from "node:buffer";
import { utf8 } from "#kit";
import {
  encodeTreeEntry,
  encodeTreeNode,
  objectOf,
  type Tree,
  type TreeEntry,
  Writer,
  ZERO_ID,
} from "#cxo";

/** Objects by id that count how often they are asked for. */
export class Shelf {
  readonly objects = new Map<string, Uint8Array>();
  looks = 0;

  readonly source = (id: string): Uint8Array | undefined => {
    this.looks++;
    return this.objects.get(id);
  };

  put(bytes: Uint8Array): string {
    const { id } = objectOf(bytes);
    this.objects.set(id, bytes);
    return id;
  }

  publish(tree: Tree): string {
    const { root, objects } = tree.publish();
    for (const { id, bytes } of objects) this.objects.set(id, bytes);
    return root;
  }

  /** A TreeNode of these children, in this order, with no more checks than a hostile writer makes. */
  node(entries: readonly Partial<TreeEntry>[]): string {
    const ids = entries.map(({ name = "x", sub = ZERO_ID, leaf = new Uint8Array() }) =>
      this.put(encodeTreeEntry({ name, sub, leaf }))
    );
    const writer = new Writer().u32(0).u32(1024).u32(ids.length);
    return this.put(encodeTreeNode(this.put(writer.list(ids, (id) => writer.hex(id)).finish())));
  }
}

export const byBytes = (a: string, b: string): number => Buffer.compare(utf8(a), utf8(b));

/** The path of one of many messages. */
export const name = (index: number): string => `msgs/${String(index).padStart(6, "0")}`;

/** Puts what does not conflict; gives what the tree then holds. */
export function fill(
  tree: Tree,
  pairs: readonly (readonly [string, string])[],
): Map<string, string> {
  const model = new Map<string, string>();
  for (const [key, value] of pairs) {
    try {
      tree.put(key, utf8(value));
      model.set(key, value);
    } catch {
      // A conflict: the model keeps what the tree keeps.
    }
  }
  return model;
}

/** Counts the pauses of a walk, during which others run. */
export class Pauses {
  count = 0;
  mostLooks = 0;
  #looks = 0;
  readonly #shelf: Shelf;

  constructor(shelf: Shelf) {
    this.#shelf = shelf;
    this.#looks = shelf.looks;
  }

  readonly pause = async () => {
    this.count++;
    this.mostLooks = Math.max(this.mostLooks, this.#shelf.looks - this.#looks);
    await Promise.resolve();
    this.#looks = this.#shelf.looks;
  };
}

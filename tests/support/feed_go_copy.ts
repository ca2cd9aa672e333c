import {
  acceptRoot,
  CxoFault,
  decodeRefsNode,
  decodeRefsTop,
  decodeTreeEntry,
  decodeTreeNode,
  objectId,
  type RefsPart,
  REGISTRY,
  type RootMessage,
  rootMessage,
  rootTreeNode,
  type SignedRoot,
  ZERO_ID,
} from "#cxo";
import { type Clock, utf8Text } from "#kit";
import type { GoLine } from "./feed_go_line.ts";

const FILL_LIMIT_MS = 120_000;

/** What a {@link GoCopy} is told. */
export interface GoCopyOptions {
  readonly feed: string;
  readonly clock: Clock;
  /** Pause before each object is asked for. */
  readonly objectDelayMs: number;
  /** A Root is complete; its leaves. */
  readonly onComplete: (leaves: ReadonlyMap<string, string>) => void;
}

/**
 * What a Go node holds of one feed: the last Root and its objects, and one fill at a time with one RqObject
 * at a time (cxo.md 4.5, 5.6). A superseded Root is dropped at once, like everything else when it ends.
 */
export class GoCopy {
  readonly objects = new Map<string, Uint8Array>([[REGISTRY.id, REGISTRY.bytes]]);
  /** How each fill ended, in order. */
  readonly fills: string[] = [];
  /** Ids that were asked for, in order. */
  readonly asked: string[] = [];
  /** Last Roots by head. */
  readonly #heads = new Map<bigint, SignedRoot>();
  readonly #options: GoCopyOptions;
  #filling: SignedRoot | undefined;
  #pending: { readonly signed: SignedRoot; readonly line: GoLine } | undefined;

  constructor(options: GoCopyOptions) {
    this.#options = options;
  }

  /** The last Root of the head whose last Root is the youngest (cxo.md 5.3). */
  get last(): SignedRoot | undefined {
    const roots = [...this.#heads.values()];
    return roots.sort((a, b) => a.root.time < b.root.time ? 1 : -1)[0];
  }

  /** A Root that was made here. */
  add(signed: SignedRoot, objects: Iterable<{ id: string; bytes: Uint8Array }>): void {
    for (const { id, bytes } of objects) this.objects.set(id, bytes);
    this.#become(signed);
  }

  /** A Root that a member pushed. */
  offer(message: RootMessage, line: GoLine): void {
    if (message.feed !== this.#options.feed) return;
    const known = this.#heads.get(message.nonce);
    if (known !== undefined && known.root.seq >= message.seq) return;
    const signed = acceptRoot(message);
    if (signed instanceof CxoFault || !line.feeds.has(message.feed)) return;
    if (this.#filling === undefined) return void this.#fill(signed, line);
    if (this.#filling.id === signed.id) return;
    this.#pending = { signed, line };
  }

  /** Answers RqPreview and pushes. */
  get message(): RootMessage | undefined {
    return this.last && rootMessage(this.last);
  }

  async #fill(signed: SignedRoot, line: GoLine): Promise<void> {
    this.#filling = signed;
    const leaves = new Map<string, string>();
    const end = await new GoFill(this.#options, { copy: this, line, leaves }).run(signed);
    this.#filling = undefined;
    this.fills.push(`${signed.root.seq}: ${end}`);
    if (end === "complete") {
      this.#become(signed);
      this.#options.onComplete(leaves);
    } else if (end === "invalid response") line.hangUp(end);
    const next = this.#pending;
    this.#pending = undefined;
    if (next !== undefined && !next.line.isClosed) this.offer(rootMessage(next.signed), next.line);
  }

  #become(signed: SignedRoot): void {
    this.#heads.set(signed.root.nonce, signed);
    const last = this.last;
    if (last === undefined) return;
    const kept = new Set([REGISTRY.id]);
    walk(last, (id) => {
      kept.add(id);
      return this.objects.get(id);
    });
    for (const id of this.objects.keys()) if (!kept.has(id)) this.objects.delete(id);
  }
}

/** One fill: everything below a Root, one object after the other. */
class GoFill {
  readonly #options: GoCopyOptions;
  readonly #parts: { copy: GoCopy; line: GoLine; leaves: Map<string, string> };
  readonly #startedAt: number;

  constructor(
    options: GoCopyOptions,
    parts: { copy: GoCopy; line: GoLine; leaves: Map<string, string> },
  ) {
    this.#options = options;
    this.#parts = parts;
    this.#startedAt = options.clock.now();
  }

  async run(signed: SignedRoot): Promise<string> {
    try {
      await this.#get(REGISTRY.id);
      const wanted: Step[] = topOf(signed);
      for (let step = wanted.shift(); step !== undefined; step = wanted.shift()) {
        wanted.push(...below(step, await this.#get(step.id), this.#parts.leaves));
      }
      return "complete";
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async #get(id: string): Promise<Uint8Array> {
    const { copy, line } = this.#parts;
    const { clock, objectDelayMs } = this.#options;
    const held = copy.objects.get(id);
    if (held !== undefined) return held;
    if (objectDelayMs > 0) {
      const pause = Promise.withResolvers<void>();
      line.after(objectDelayMs, pause.resolve);
      await Promise.race([pause.promise, line.line.closed]);
    }
    if (clock.now() - this.#startedAt > FILL_LIMIT_MS) throw new Error("timeout");
    copy.asked.push(id);
    const answer = await line.ask({ type: "RqObject", id });
    if (typeof answer === "string") throw new Error(answer);
    if (answer.type !== "Object" || objectId(answer.value) !== id) {
      throw new Error("invalid response");
    }
    copy.objects.set(id, answer.value);
    return answer.value;
  }
}

interface Step {
  readonly id: string;
  readonly kind: "node" | "refs" | "refs-node" | "entry";
  readonly path: string;
  readonly parent?: RefsPart;
}

function topOf({ root }: SignedRoot): Step[] {
  const node = sound(rootTreeNode(root));
  return node === undefined ? [] : [{ id: node, kind: "node", path: "" }];
}

function below(step: Step, bytes: Uint8Array, leaves: Map<string, string>): Step[] {
  const { path } = step;
  switch (step.kind) {
    case "node": {
      const id = sound(decodeTreeNode(bytes));
      return id === undefined ? [] : [{ id, kind: "refs", path }];
    }
    case "refs":
      return belowPart(sound(decodeRefsTop(bytes)), path);
    case "refs-node":
      if (step.parent === undefined) throw new Error("no parent");
      return belowPart(sound(decodeRefsNode(bytes, step.parent)), path);
    case "entry": {
      const { name, sub, leaf } = sound(decodeTreeEntry(bytes));
      const own = path === "" ? name : `${path}/${name}`;
      if (leaf.length > 0) leaves.set(own, utf8Text(leaf));
      return leaf.length > 0 || sub === ZERO_ID ? [] : [{ id: sub, kind: "node", path: own }];
    }
  }
}

function belowPart(part: RefsPart, path: string): Step[] {
  if (part.depth > 0) return part.ids.map((id) => ({ id, kind: "refs-node", path, parent: part }));
  return part.ids.map((id) => ({ id, kind: "entry", path }));
}

/** Looks at everything below a Root that is there. */
function walk(signed: SignedRoot, look: (id: string) => Uint8Array | undefined): void {
  const steps = topOf(signed);
  for (const step of steps) {
    const bytes = look(step.id);
    if (bytes !== undefined) steps.push(...below(step, bytes, new Map()));
  }
}

function sound<T>(value: T | CxoFault): T {
  if (value instanceof CxoFault) throw value;
  return value;
}

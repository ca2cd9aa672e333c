import { recoversTo, SecretKey, sha256 } from "#crypto";
import { encodeFeedEntry } from "#cxo";
import {
  encodeMessageLeaf,
  type GroupMessage,
  groupMessagePath,
  messageDigest,
  signMessage,
} from "#group";
import { silentLog, systemClock, systemRandom } from "#kit";
import { openHistory } from "#store";
import { type App, startApp } from "#support/spawn.ts";
import { SHORT_TEXT } from "./messages.ts";
import { processorTime } from "./processes.ts";
import { processorNow } from "./rounds.ts";

/** The group of every run. */
const GROUP = "4f6c1d2e-8b3a-4c59-9e70-1a2b3c4d5e6f";
/** Members that write; each may have 2,000 messages in the feed of another (groups.md 4.7). */
export const AUTHORS = 5;
/** Milliseconds between two looks at a node's `/status`. */
const LOOK_MS = 5;
/** Longest wait for what a node is to show, milliseconds. */
const DEADLINE_MS = 50_000;
/** Entries of one addition to the journal. */
const AT_ONCE = 2_000;
/** Nanoseconds between two messages of a filled feed. */
const PACE_NS = 1_000_000n;

/** How a member keeps what it gets. */
export type Keeping = "nothing" | "everything";

/** Messages of a group, by all its authors in turn, and where they stand. */
export interface Talk {
  /** The first founded the group. */
  readonly authors: readonly SecretKey[];
  readonly leaves: readonly { readonly path: string; readonly message: GroupMessage }[];
}

/** What a member is started with. */
export interface MemberCall {
  readonly secret: SecretKey;
  readonly owner: string;
  /** `tcp://<pk>@host:port` of those whom it dials. */
  readonly peers?: readonly string[];
  readonly keeping?: Keeping;
  /** Where its store and its groups are. */
  readonly folder: string;
}

/** A node in the group. */
export interface Member {
  readonly app: App;
  readonly pk: string;
  /** What `--cxo-peer` takes. */
  readonly spec: string;
}

/** Signs so many messages; the newest is a second old. */
export function signedTalk(count: number): Talk {
  const authors = Array.from({ length: AUTHORS }, () => SecretKey.generate(systemRandom));
  const now = systemClock.wall();
  const leaves = Array.from({ length: count }, (_, number) => {
    const secret = authors[number % AUTHORS] ?? SecretKey.generate(systemRandom);
    const ts = now - 1_000_000_000n - BigInt(count - number) * PACE_NS;
    const message = signMessage(secret, { ts, text: textOf(number) });
    const path = groupMessagePath({ sender: message.sender, ts, seq: number + 1 });
    return { path, message };
  });
  return { authors, leaves };
}

/** What finding signers took. */
export interface Recovery {
  /** Messages a second. */
  readonly rate: number;
  /** Microseconds of processor time of one. */
  readonly cpu: number;
}

/** Finds the signers of all messages, and does nothing else: what no reader can do without. */
export function recoverSigners({ leaves }: Talk): Recovery {
  const signed = leaves.map(({ message }) => ({ ...message, digest: messageDigest(message) }));
  const [started, before] = [performance.now(), processorNow()];
  for (const { digest, sender, signature } of signed) {
    if (!recoversTo(sender, signature, sha256(digest))) throw new Error("Wrong signer");
  }
  return {
    rate: signed.length * 1_000 / (performance.now() - started),
    cpu: (processorNow() - before) * 1_000 / signed.length,
  };
}

/** Runs an action with members whose processes end whatever happens, and a folder. */
export async function withMembers<T>(
  action: (start: Start) => Promise<T>,
  talk?: Talk,
): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "skychat-bench-group-" });
  const members: Member[] = [];
  try {
    if (talk !== undefined) await found(folder, talk);
    return await action(async (call) => {
      const member = await startMember({ ...call, folder });
      members.push(member);
      return member;
    });
  } finally {
    await Promise.all(members.map(({ app }) => app.kill()));
    await Deno.remove(folder, { recursive: true });
  }
}

/** Starts a node in the group; whoever has its key and its folder again finds what it kept. */
export async function startMember(
  { folder, keeping = "everything", owner, peers = [], secret }: MemberCall,
): Promise<Member> {
  const { hex: pk } = secret.publicKey;
  const limits = ["per-peer-rate", "per-peer-cap", "total-cap", "ttl", "group-rate", "group-cap"]
    .map((limit) => `--persist-${limit}=0`);
  const store = ["--persist", "--persist-db", `${folder}/${pk}.db`, ...limits];
  const app = await startApp([
    ...["--sk", secret.reveal().toHex(), "--cxo-listen", "127.0.0.1:0"],
    ...["--cxo-group", GROUP, "--cxo-group-owner", owner, "--group-dir", `${folder}/${pk}`],
    ...peers.flatMap((peer) => ["--cxo-peer", peer]),
    ...(keeping === "everything" ? store : []),
  ], { timeoutMs: DEADLINE_MS });
  const line = await app.waitForLog("OPEN as pk=");
  const address = / on (\S+),/.exec(line)?.[1];
  return { app, pk, spec: `tcp://${pk}@${address}` };
}

/** How {@link withMembers} lets an action start members. */
export type Start = (call: Omit<MemberCall, "folder">) => Promise<Member>;

/** Somebody whom nobody knew: a member with a key and a process of its own, once it follows somebody. */
export async function newMember(
  start: Start,
  { founder, dials, keeping }: {
    readonly founder: Member;
    readonly dials: readonly Member[];
    readonly keeping: Keeping;
  },
): Promise<Member> {
  const secret = SecretKey.generate(systemRandom);
  await addMembers(founder, [secret.publicKey.hex]);
  const peers = dials.map(({ spec }) => spec);
  const member = await start({ secret, owner: founder.pk, peers, keeping });
  await member.app.waitForLog("cxo-group follows");
  return member;
}

/** Gives keys a seat. */
async function addMembers({ app }: Member, keys: readonly string[]): Promise<void> {
  for (const pk of keys) await post(app, `/group/${GROUP}/members/add`, { pk });
}

/** Says something in the group. */
export async function say({ app }: Member, text: string): Promise<void> {
  await post(app, `/group/${GROUP}/send`, { text });
}

/** How long a node took to show what it was to show. */
export interface Shown {
  /** Milliseconds. */
  readonly ms: number;
  /** Milliseconds of processor time. */
  readonly cpu: number;
  /** The longest answer to `/status` meanwhile, milliseconds: how long the node did nothing else. */
  readonly longest: number;
}

/** Resolves when a node has shown so many messages of others, and has on disk what it keeps. */
export async function hasShown({ app }: Member, messages: number): Promise<Shown> {
  const [started, before] = [performance.now(), await processorTime(app.pid)];
  for (let longest = 0;;) {
    const asked = performance.now();
    const { history, inbound_msg_count } = await status(app);
    const now = performance.now();
    longest = Math.max(longest, now - asked);
    if (inbound_msg_count >= messages && (history?.pending ?? 0) === 0) {
      const cpu = await processorTime(app.pid) - before;
      return { ms: now - started, cpu, longest };
    }
    if (now - started > DEADLINE_MS) {
      throw new Error(`Only ${inbound_msg_count} of ${messages} came:\n${app.logs.join("\n")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Milliseconds from the answer to a message of one member until `/events` of another shows it. */
export async function delivery(from: Member, to: Member): Promise<number> {
  const abort = new AbortController();
  const { events_seq } = await status(to.app);
  const stream = await fetch(`http://${to.app.addr}/events?since=${events_seq}`, {
    signal: abort.signal,
  });
  const body = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  const message = freshText();
  try {
    await say(from, message);
    const started = performance.now();
    for (let text = ""; !text.includes(message);) {
      const { value, done } = await body?.read() ?? { done: true, value: undefined };
      if (done) throw new Error("Cannot see the message: the stream ended");
      text += value;
    }
    return performance.now() - started;
  } finally {
    abort.abort();
    await body?.cancel().catch(() => {});
  }
}

/** Messages of others that a node has shown. */
export async function shownBy({ app }: Member): Promise<number> {
  return (await status(app)).inbound_msg_count;
}

/**
 * Bytes that a node has read from other nodes so far, as the system counts them for its connections;
 * undefined where there is no `ss`.
 */
export async function bytesReceived(
  { app }: Member,
  members: readonly Member[],
): Promise<number | undefined> {
  const ports = new Set(members.map(({ spec }) => spec.slice(spec.lastIndexOf(":") + 1)));
  try {
    const { stdout } = await new Deno.Command("ss", { args: ["-tnHiOp"], stderr: "null" }).output();
    let sum = 0;
    for (const line of new TextDecoder().decode(stdout).split("\n")) {
      const [, , , local = "", remote = ""] = line.split(/\s+/);
      const isOurs = [local, remote].some((at) => ports.has(at.slice(at.lastIndexOf(":") + 1)));
      if (!isOurs || !line.includes(`pid=${app.pid},`)) continue;
      sum += Number(/bytes_received:(\d+)/.exec(line)?.[1] ?? 0);
    }
    return sum;
  } catch {
    return undefined;
  }
}

// deno-lint-ignore no-explicit-any -- the bench looks at a few keys of a large document
async function status(app: App): Promise<any> {
  return await (await fetch(`http://${app.addr}/status`)).json();
}

async function post(app: App, path: string, body: object): Promise<void> {
  const reply = await fetch(`http://${app.addr}${path}`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`Cannot do ${path}: ${reply.status} ${text}`);
}

function textOf(number: number): string {
  return `${number} ${SHORT_TEXT}`.slice(0, SHORT_TEXT.length);
}

/** Everybody has a seat, and the founder's feed has all messages. */
async function found(folder: string, talk: Talk): Promise<void> {
  const [secret, ...others] = talk.authors;
  if (secret === undefined) return;
  const owner = await startMember({ secret, owner: secret.publicKey.hex, folder });
  await addMembers(owner, others.map(({ publicKey }) => publicKey.hex));
  await owner.app.stop();
  await fillJournal(folder, secret, talk);
}

async function fillJournal(folder: string, owner: SecretKey, { leaves }: Talk): Promise<void> {
  const self = owner.publicKey.hex;
  const store = await openHistory({
    path: `${folder}/${self}.db`,
    ...{ clock: systemClock, log: silentLog, self },
  });
  const journal = store.journal(`group:${GROUP}`);
  const entries = leaves.map(({ path, message }) =>
    encodeFeedEntry({ kind: "leaf", path, value: encodeMessageLeaf(message) })
  );
  for (let from = 0; from < entries.length; from += AT_ONCE) {
    if (!await journal?.append(entries.slice(from, from + AT_ONCE))) {
      throw new Error("Cannot fill the feed: disk");
    }
  }
  await store.close();
}

/** A text of its own for each call, of the length of the others. */
export function freshText(): string {
  return `more ${systemRandom.bytes(8).toHex()}`.padEnd(SHORT_TEXT.length, ".");
}

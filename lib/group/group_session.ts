import { errorText, quoteForLog, type Timer } from "#kit";
import { describe } from "./governance.ts";
import { GovernanceVoice } from "./governance_voice.ts";
import type { GroupCommands, GroupWriter } from "./group_commands.ts";
import { GroupError } from "./group_error.ts";
import {
  groupInfo,
  groupInvite,
  type GroupState,
  type GroupStatusEntry,
  groupStatusEntry,
  type NodeCounts,
  portOf,
} from "./group_info.ts";
import { type GroupParts, type GroupSessionOptions, openGroupParts } from "./group_parts.ts";
import type { GroupStatus } from "./group_record.ts";
import { type Mutation, mutationDigest } from "./mutation.ts";
import { namesOfOtherGroups } from "./other_groups.ts";
import { recoverLeaves } from "./recovered_leaves.ts";

/** Time after the start at which an admin says again what holds, milliseconds (groups.md 4.6). */
export const ASSERT_AFTER_MS = 3_000;
/** How often an admin looks whether the key of a private group is due, milliseconds (ours). */
export const KEY_CHECK_MS = 600_000;
/** Longest wait for what is queued to go out at the end, milliseconds. */
const DRAIN_MS = 1_000;

/**
 * One federated group of this node (groups.md): its own feed, the feeds of the members, who they are, and
 * what they say. It lives as long as {@link run}.
 */
export class GroupSession {
  readonly #options: GroupSessionOptions;
  readonly #parts: GroupParts;
  readonly #voice: GovernanceVoice;
  readonly #stop = new AbortController();
  readonly #timers = new Set<Timer>();
  #listening = "";
  #delivered = 0;

  private constructor(options: GroupSessionOptions, parts: GroupParts) {
    this.#options = options;
    this.#parts = parts;
    this.#voice = new GovernanceVoice({
      ...parts,
      clock: options.context.clock,
      self: this.#self,
      onTrouble: (text) => this.#warn(text),
    });
  }

  /**
   * Reads what was kept of the group. Nothing is bound or dialled yet.
   *
   * @throws {GroupError} with a text of groups.md 1.3
   * @throws {EndpointError} for a listen address that cannot be one
   */
  static async open(options: GroupSessionOptions): Promise<GroupSession> {
    const parts: GroupParts = await openGroupParts(options, {
      onApplied: (mutation) => session.#onApplied(mutation),
      onStanding: (mutation) => session.#voice.heard(mutation),
      onKeys: () => session.#onKeys(),
      onRotation: (rotation) => session.#voice.delivered(rotation),
      onShown: () => void session.#delivered++,
      onRecovered: (leaves) => recoverLeaves(leaves, { ...parts, self: session.#self }),
      port: () => portOf(session.#listening),
    });
    const session: GroupSession = new GroupSession(options, parts);
    await session.#restore();
    return session;
  }

  /** Id of the group. */
  get id(): string {
    return this.#parts.setup.charter.id;
  }

  /** Commands of this node's user, to be passed to {@link decide}. */
  get desk(): GroupCommands {
    return this.#parts.desk;
  }

  /** Writes to the own feed. */
  get publisher(): GroupWriter {
    return this.#parts.publisher;
  }

  /** Where the own feed is served; empty where it is not. */
  get listening(): string {
    return this.#listening;
  }

  /** What the group is at, at this moment. */
  get state(): GroupState {
    const { governance: { roster }, keys, links, recorder, setup: { charter, role } } = this.#parts;
    const { createdAt, joinedAt, lastMessageAt, name, saved, status } = recorder;
    return {
      ...{ charter, name, role, status, createdAt, joinedAt, lastMessageAt, saved, roster },
      key: keys?.ring.current,
      self: this.#self,
      listen: this.#listening,
      delivered: this.#delivered,
      members: links.states(),
    };
  }

  /** GroupInfo (groups.md 6.4), ready for JSON. */
  info(counts: NodeCounts): Record<string, unknown> {
    return groupInfo(this.state, { counts, wall: this.#options.context.clock.wall() });
  }

  /** The entry of `/status` (groups.md 6.5), ready for JSON. */
  statusEntry(counts: NodeCounts): GroupStatusEntry {
    return groupStatusEntry(this.state, { counts, wall: this.#options.context.clock.wall() });
  }

  /**
   * A link to the group (groups.md 5.1).
   *
   * @param own `host:port` at which members reach this node; undefined where nobody knows
   */
  invite(own: string | undefined): string {
    return groupInvite(this.state, { addresses: this.#parts.addresses, own });
  }

  /**
   * Binds.
   *
   * @returns the address really bound; empty where members cannot dial this node
   * @throws {ListenError} with the text of groups.md 1.3
   */
  listen(): string {
    return this.#listening = this.#parts.links.listen();
  }

  /** Takes part until the signal aborts, or the group is left, and everything is closed. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { links, publisher, recorder } = this.#parts;
    const stop = () => this.#stop.abort();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    this.#follow();
    const connected = new AbortController();
    const linked = links.run(connected.signal);
    await publisher.greet();
    void recorder.save();
    this.#later(ASSERT_AFTER_MS, () => void this.#voice.assert());
    this.#checkKeys();
    await aborted(this.#stop.signal);
    signal.removeEventListener("abort", stop);
    await this.#finish();
    connected.abort();
    await linked;
    this.#listening = "";
    await recorder.close();
    await this.#parts.folder.flush();
  }

  /** Lets go of what {@link open} took, where {@link run} was never called. */
  async close(): Promise<void> {
    await this.#parts.feed.close();
    await this.#parts.links.close();
  }

  /**
   * Publishes records that {@link desk} made, with what they bring about: addresses, keys, seats.
   *
   * @throws {GroupError} a private group without a key
   */
  async decide(
    decided: readonly Mutation[],
    { address }: { address?: { pk: string; at: string } | undefined } = {},
  ): Promise<void> {
    const { addresses, feed, keys, recorder, records } = this.#parts;
    if (address !== undefined) {
      addresses.set(address.pk, address.at);
      this.#follow();
    }
    await records.publish(decided);
    await records.retire();
    if (decided.some(({ op }) => op === "add")) await records.deliverKey();
    const evicts = decided.some(({ op }) => op === "remove" || op === "ban");
    if (evicts && keys !== undefined) await this.#changeKey();
    await feed.published.flush();
    await recorder.save();
  }

  /**
   * A new key for a private group, for all members there are now (groups.md 3.5).
   *
   * @throws {GroupError} for whoever is no admin, or in a public group
   */
  async rotateKey(): Promise<{ epoch: number; recipients: number }> {
    const { desk, feed, keys, recorder, records } = this.#parts;
    desk.check("RotateKey", "only admins can rotate the group key");
    if (keys === undefined) {
      throw new GroupError("group-conflict", "group: key rotation: group is not encrypted");
    }
    const recipients = records.recipients();
    const own = keys.rotate(recipients);
    keys.installOwn(own);
    await recorder.save();
    if (own.rotation !== undefined) await records.rotation(own.rotation);
    await records.reseal();
    await feed.published.flush();
    return { epoch: Number(own.epoch), recipients: recipients.length };
  }

  /** Gives the group another name, on this node. */
  async rename(name: string): Promise<void> {
    this.#parts.recorder.name = name;
    await this.#parts.recorder.save();
  }

  /** Ends taking part for good (groups.md 5.5); an admin first says so to the others. */
  async end(status: Extract<GroupStatus, "left" | "revoked">): Promise<void> {
    const { desk, feed, links, recorder, records } = this.#parts;
    const departure = status === "left" ? desk.depart() : [];
    // First, so that a crash cannot leave a member that said it left and comes back.
    recorder.status = status;
    await recorder.save();
    try {
      await records.publish(departure);
      if (departure.length > 0) {
        await feed.published.flush();
        await links.settled(DRAIN_MS);
      }
    } catch (error) {
      if (!(error instanceof GroupError)) throw error;
      this.#warn(`nobody was told that this node left: ${error.message}`);
    }
    this.#stop.abort();
  }

  get #self(): string {
    return this.#options.context.local.publicKey.hex;
  }

  async #restore(): Promise<void> {
    const { feed, folder, governance, intake, keys, records, setup } = this.#parts;
    if (setup.role === "owner" && keys !== undefined && keys.ring.current === undefined) {
      keys.create();
    }
    governance.takeAll([...records.all().values()]);
    const elsewhere = await namesOfOtherGroups(this.id, this.#options);
    await intake.restore([...elsewhere, ...folder.seen, ...feed.seenNames]);
    for (const pk of governance.roster.removedByFlags) {
      this.#warn(`${pk} stays out, whatever --cxo-peer says: the group removed or banned it`);
    }
  }

  /** What was published last still reaches whoever is connected. */
  async #finish(): Promise<void> {
    const { feed, inbox, links } = this.#parts;
    for (const timer of this.#timers) timer.cancel();
    // A long history must not hold up the end: what was not shown comes again.
    inbox.stop();
    await this.#voice.said;
    const before = feed.published.last;
    await feed.close();
    if (feed.published.last !== before) await links.settled(DRAIN_MS);
  }

  /** Whom we follow: in a channel, and once we are out, admins only, else every member. */
  #follow(): void {
    const { addresses, governance: { roster }, links } = this.#parts;
    // Who was put out keeps asking those who could let it in again: they refuse until they do.
    const isForAdmins = roster.kind === "channel" || !roster.isMember(this.#self);
    const wanted = [...roster.members].filter((pk) =>
      pk !== this.#self && (!isForAdmins || roster.isAdmin(pk))
    );
    links.setMembers(new Map(wanted.map((pk) => [pk, addresses.get(pk)])));
  }

  #onApplied(mutation: Mutation): void {
    const { keys, recorder } = this.#parts;
    const text = describe(mutation);
    this.#options.context.log.info(
      `skychat: cxo-group ${this.#shownId}: ${mutation.issuer} decided: ${text}`,
    );
    void this.#options.sink.surface({
      direction: "in",
      id: mutationDigest(mutation).slice(0, 16),
      network: "cxo",
      sender: mutation.issuer,
      text,
      length: text.length,
      channel: "system",
      groupId: this.id,
      wall: this.#options.context.clock.wall(),
    });
    this.#follow();
    if (keys?.retry()) this.#onKeys();
    if (mutation.op === "add" && mutation.issuer !== this.#self) this.#voice.vouch(true);
    recorder.saveSoon();
  }

  #onKeys(): void {
    this.#options.context.log.info(
      `skychat: cxo-group ${this.#shownId}: applied rotated group key`,
    );
    void this.#parts.inbox.retrySealed();
    this.#voice.vouch(false);
    void this.#parts.records.reseal();
    void this.#parts.recorder.save();
  }

  #checkKeys(): void {
    const { desk, keys } = this.#parts;
    if (keys === undefined) return;
    this.#later(KEY_CHECK_MS, () => {
      this.#checkKeys();
      if (desk.isAdmin && keys.isDue) void this.#changeKey();
    });
  }

  /** What made it necessary stands even where it fails. */
  async #changeKey(): Promise<void> {
    try {
      await this.rotateKey();
    } catch (error) {
      this.#warn(`the key was not changed: ${errorText(error)}`);
    }
  }

  #later(ms: number, action: () => void): void {
    const timer = this.#options.context.clock.after(ms, () => {
      this.#timers.delete(timer);
      action();
    });
    this.#timers.add(timer);
  }

  get #shownId(): string {
    return quoteForLog(JSON.stringify(this.id));
  }

  #warn(text: string): void {
    this.#options.context.log.warn(`skychat: cxo-group ${this.#shownId}: ${text}`);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

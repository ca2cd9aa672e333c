import type { DirectChat } from "#chat";
import { denoFiles } from "#files";
import type { GroupInvite, GroupSession, GroupTerms } from "#group";
import type { ControlSendOutcome } from "#http";
import { CodedError, errorText, type Log, quoteForLog } from "#kit";
import type { LinkContext } from "#net";
import type { KvHistory } from "#store";
import type { AppConfig, GroupConfig, GroupDefaults } from "./config.ts";
import type { People } from "./people.ts";

/** What a group is made of. */
export interface GroupParts {
  readonly context: LinkContext;
  readonly chat: DirectChat;
  readonly history: KvHistory | undefined;
  readonly people: People;
  /** Accepted links at a time. */
  readonly mostLinks: number;
  /** Where the identity is from, for the log. */
  readonly identitySource: string;
}

/** The code of `#group`, loaded when the first group needs it. */
export type GroupModule = typeof import("#group");

/**
 * The group of this node: the one that it was started with, or one that is created or joined while it runs.
 * One at a time, since an identity has one feed (groups.md 1.5).
 */
export class GroupService {
  readonly #parts: GroupParts;
  /** What of the configuration every group of this node has. */
  readonly defaults: GroupDefaults;
  readonly #configured: boolean;
  #module: GroupModule | undefined;
  #session: GroupSession | undefined;
  #running: Promise<void> = Promise.resolve();
  #signal: AbortSignal | undefined;
  #starting = false;
  #failure = "";

  private constructor(config: AppConfig, parts: GroupParts) {
    this.#parts = parts;
    this.#configured = config.group !== undefined;
    this.defaults = config.groupDefaults;
  }

  /** Reads what was kept of the group of the configuration, if there is one. Nothing is bound yet. */
  static async open(config: AppConfig, parts: GroupParts): Promise<GroupService> {
    const service = new GroupService(config, parts);
    const { group } = config;
    if (group === undefined) return service;
    try {
      await service.#open(await service.#termsOf(group));
    } catch (error) {
      service.#fail(error);
    }
    return service;
  }

  /** The group, while there is one. */
  get session(): GroupSession | undefined {
    return this.#session;
  }

  /** Whether the node was started to take part in a group. */
  get configured(): boolean {
    return this.#configured;
  }

  /** Why the group of the configuration does not run; empty when it does, or there is none. */
  get failure(): string {
    return this.#failure;
  }

  /** The code of groups. */
  async module(): Promise<GroupModule> {
    return this.#module ??= await import("#group");
  }

  /** Begins to take part, and lets groups begin until the signal aborts. */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    if (this.#session === undefined) return;
    try {
      this.#run(this.#session);
    } catch (error) {
      const { id } = this.#session;
      void this.#session.close();
      this.#session = undefined;
      this.#fail(new Error(`open ${JSON.stringify(id)}: ${errorText(error)}`));
    }
  }

  /**
   * Takes part in another group, from now on.
   *
   * @throws {GroupError} where there is one already, or this one cannot begin
   */
  async begin(terms: GroupTerms): Promise<GroupSession> {
    const { GroupError } = await this.module();
    const signal = this.#signal;
    if (signal === undefined || signal.aborted) {
      throw new GroupError("group-unavailable", "the node is starting or stopping");
    }
    if (this.#session !== undefined || this.#starting) {
      throw new GroupError(
        "group-conflict",
        `this node is in the group ${
          JSON.stringify(this.#session?.id ?? "")
        }, and one process has one ` +
          "group: start another with --addr and --cxo-listen of its own",
      );
    }
    this.#starting = true;
    try {
      const session = await this.#open(terms);
      this.#run(session);
      this.#failure = "";
      return session;
    } catch (error) {
      this.#session = undefined;
      if (error instanceof GroupError) throw error;
      throw new GroupError("group-failed", errorText(error), { cause: error });
    } finally {
      this.#starting = false;
    }
  }

  /** Ends taking part for good (groups.md 5.5); then there is a place for another group. */
  async end(session: GroupSession, status: "left" | "revoked"): Promise<void> {
    await session.end(status);
    await this.#running;
  }

  /**
   * What an invite link says of a group.
   *
   * @throws {GroupError} for a text that is none
   */
  async termsOfLink(link: string, peers: readonly string[] = []): Promise<GroupTerms> {
    const { GroupError, InviteError, parseInvite } = await this.module();
    let invite: GroupInvite;
    try {
      invite = parseInvite(link);
    } catch (error) {
      if (!(error instanceof InviteError)) throw error;
      throw new GroupError("bad-group-request", error.message, { cause: error });
    }
    const { addresses, id, kind, mode, name, owner } = invite;
    const self = this.#parts.context.local.publicKey.hex;
    return {
      ...{ id, name, owner },
      kind: kind ?? mode,
      governance: this.defaults.governance,
      peers: [...addresses, ...peers].filter((spec) => !spec.includes(self)),
    };
  }

  /** Sends to the group, where messages go there (groups.md 6.2). */
  async message(text: string, to: string | undefined): Promise<ControlSendOutcome> {
    if (this.#session === undefined) {
      return { kind: "unpublished", message: "cxo publisher not ready" };
    }
    try {
      const { id, kept } = await this.#session.publisher.send(text, { to });
      return { kind: "published", id, kept };
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      return { kind: "unpublished", message: error.message };
    }
  }

  /** Resolves when the group has ended, after the signal of {@link start} aborted. */
  get ended(): Promise<void> {
    return this.#running;
  }

  /** Lets go of a group that was never started. */
  async close(): Promise<void> {
    await this.#session?.close();
  }

  async #open(terms: GroupTerms): Promise<GroupSession> {
    const { chat, context, history, mostLinks, people: { privacy } } = this.#parts;
    const { GroupSession } = await this.module();
    return this.#session = await GroupSession.open({
      ...terms,
      ...{ context, mostLinks, files: denoFiles },
      listen: this.defaults.listen,
      folder: this.defaults.folder,
      sink: chat,
      journal: (key) => history?.journal(key),
      journalKeys: () => history?.journalFeeds().filter((key) => key.startsWith("group:")) ?? [],
      isBlocked: (peer) => privacy?.isBlocked(peer) ?? false,
    });
  }

  /** @throws {ListenError} for an address that cannot be bound */
  #run(session: GroupSession): void {
    const { context: { local, log }, identitySource } = this.#parts;
    const address = session.listen();
    const { role, roster } = session.state;
    log.info(
      `skychat: cxo-group ${
        quoteForLog(JSON.stringify(session.id))
      } OPEN as pk=${local.publicKey} ` +
        `role=${role} on ${address || "nowhere"}, ${roster.members.size} members ` +
        `(identity source: ${identitySource})`,
    );
    if (session.state.charter.mode === "private") {
      log.info("skychat: cxo-group is private: messages are sealed with a key that members hold");
    }
    const signal = this.#signal ?? AbortSignal.abort();
    this.#running = session.run(signal).finally(() => {
      if (this.#session === session) this.#session = undefined;
    });
  }

  async #termsOf(config: GroupConfig): Promise<GroupTerms> {
    const { governance, id, join, mode, owner, peers } = config;
    if (join !== "") {
      const { context: { local, log } } = this.#parts;
      const terms = await this.termsOfLink(join, peers);
      sayHowToGetIn(log, { id: terms.id, self: local.publicKey.hex, owner: terms.owner });
      return terms;
    }
    return { id, owner, peers, governance, ...(mode !== "" && { mode }) };
  }

  /** The node goes on without it (groups.md 1.3). */
  #fail(error: unknown): void {
    this.#failure = errorText(error);
    this.#parts.context.log.error(
      `skychat: cxo startup failed: cxo-group: ${
        quoteForLog(this.#failure)
      } — continuing without ` +
        "CXO mode",
    );
  }
}

/** A link lets nobody in: an admin does. */
export function sayHowToGetIn(
  log: Log,
  { id, owner, self }: { id: string; owner: string; self: string },
): void {
  if (owner === self) return;
  log.info(
    `skychat: cxo-group: until an admin has run "skychat group add ${quoteForLog(id)} ${self}", ` +
      "members refuse this node",
  );
}

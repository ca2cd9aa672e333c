import { errorText, type Log, quoteForLog } from "#kit";
import { MAX_CONTACTS } from "./contacts.ts";
import { ContactsError } from "./contacts_error.ts";
import { JsonFile, type JsonFileOptions } from "./json_file.ts";
import { compareKeys, requireKey } from "./public_key.ts";
import { parseSettings, type Settings } from "./settings.ts";

/** Peers written to that are remembered while their acceptance is not in the file; the oldest goes (ours). */
export const MAX_WRITTEN_TO = 5_000;

/** What {@link Privacy} needs besides its file. */
export interface PrivacyOptions extends Omit<JsonFileOptions, "what"> {
  /** Whether the address book has a name for this key. */
  readonly hasName: (pkHex: string) => boolean;
  /** Keys of the peers in the history; none without one. */
  readonly historyPeers: () => Promise<readonly string[]>;
}

/** What `GET /privacy` shows, keys in this order. */
export interface PrivacyState {
  /** Whether new people wait for approval. */
  readonly approval: boolean;
  /** Keys whose frames are dropped unseen, sorted. */
  readonly blocked: readonly string[];
  /** Keys that wait for approval, sorted. */
  readonly requests: readonly string[];
}

/**
 * Who may write to the user: the block list, and the optional approval of new people (http-api.md
 * 4.12). Memory changes only after the file has. It has the shape of the `PrivacyPort` of `#http`;
 * keys in hex given to {@link isBlocked}, {@link isUnapproved} and {@link sent} are lower-case.
 */
export class Privacy {
  readonly #file: JsonFile;
  readonly #options: PrivacyOptions;
  readonly #log: Log;
  #settings: Settings;
  /** Accepted by a message of ours, whether or not that has reached the file. Oldest first. */
  readonly #writtenTo = new Set<string>();

  private constructor(file: JsonFile, settings: Settings, options: PrivacyOptions) {
    this.#file = file;
    this.#settings = settings;
    this.#options = options;
    this.#log = options.log;
  }

  /** Reads the file, which need not be there; undefined and a log line when it cannot be used. */
  static async open(options: PrivacyOptions): Promise<Privacy | undefined> {
    const opened = await JsonFile.open({ ...options, what: "privacy settings" }, parseSettings);
    return opened && new Privacy(opened.file, opened.contents, options);
  }

  /** Whether this peer's frames are dropped unseen. */
  isBlocked(pkHex: string): boolean {
    return this.#settings.blocked.has(pkHex);
  }

  /** Whether this peer's messages are only requests so far. */
  isUnapproved(pkHex: string): boolean {
    return this.#settings.approval && !this.#isKnown(pkHex);
  }

  /** The settings, and who waits to be let in; blocked peers do not. */
  async state(): Promise<PrivacyState> {
    const { approval, blocked } = this.#settings;
    const requests = approval ? await this.#requests() : [];
    return { approval, blocked: [...blocked].sort(compareKeys), requests };
  }

  /**
   * Switches approval. Turning it on accepts every peer of the history, as far as there is room.
   *
   * @throws {ContactsError} code `contacts-unavailable`.
   */
  async setApproval(approval: boolean): Promise<void> {
    await this.#file.serially(async () => {
      if (approval === this.#settings.approval) return;
      const accepted = new Set(this.#settings.accepted);
      const known = approval ? [...this.#writtenTo, ...await this.#peersOfHistory()] : [];
      for (const peer of known) if (accepted.size < MAX_CONTACTS) accepted.add(peer);
      await this.#replace({ ...this.#settings, approval, accepted });
    });
  }

  /**
   * Blocks or unblocks a peer.
   *
   * @throws {ContactsError} codes `contacts-invalid-key`, `contacts-full`, `contacts-unavailable`.
   */
  async block(pk: string, blocked: boolean): Promise<void> {
    const key = requireKey(pk, "privacy");
    await this.#file.serially(async () => {
      const { blocked: now } = this.#settings;
      if (now.has(key) === blocked) return;
      const next = blocked ? withOneMore(now, key) : new Set([...now].filter((one) => one !== key));
      await this.#replace({ ...this.#settings, blocked: next });
    });
  }

  /**
   * Lets a requester in.
   *
   * @throws {ContactsError} codes `contacts-invalid-key`, `contacts-full`, `contacts-unavailable`.
   */
  async accept(pk: string): Promise<void> {
    const key = requireKey(pk, "privacy");
    await this.#file.serially(async () => {
      const { accepted } = this.#settings;
      if (accepted.has(key)) return;
      await this.#replace({ ...this.#settings, accepted: withOneMore(accepted, key) });
    });
  }

  /**
   * To be called for each message sent: writing to a peer accepts it. Counts at once; the file
   * follows while approval is on. While it is off nothing is written, since a node that keeps no
   * history must not leave a list of the user's peers behind.
   */
  sent(pkHex: string): void {
    if (this.#settings.accepted.has(pkHex) || this.#writtenTo.has(pkHex)) return;
    const [oldest] = this.#writtenTo;
    if (oldest !== undefined && this.#writtenTo.size >= MAX_WRITTEN_TO) {
      this.#writtenTo.delete(oldest);
    }
    this.#writtenTo.add(pkHex);
    if (!this.#settings.approval) return;
    this.accept(pkHex).catch((error) => {
      this.#log.warn(`skychat: cannot keep that a peer is accepted: ${errorText(error)}`);
    });
  }

  #isKnown(pkHex: string): boolean {
    return this.#settings.accepted.has(pkHex) || this.#writtenTo.has(pkHex) ||
      this.#options.hasName(pkHex);
  }

  async #requests(): Promise<string[]> {
    const peers = await this.#peersOfHistory();
    return peers.filter((peer) => !this.#isKnown(peer) && !this.isBlocked(peer)).sort(compareKeys);
  }

  async #peersOfHistory(): Promise<readonly string[]> {
    try {
      return await this.#options.historyPeers();
    } catch (cause) {
      this.#log.error(
        `skychat: cannot read the peers of the history: ${quoteForLog(errorText(cause))}`,
      );
      throw unavailable(cause);
    }
  }

  async #replace(settings: Settings): Promise<void> {
    const { approval, blocked, accepted } = settings;
    const lists = {
      blocked: [...blocked].sort(compareKeys),
      accepted: [...accepted].sort(compareKeys),
    };
    try {
      await this.#file.replace({ approval, ...lists });
    } catch (cause) {
      throw unavailable(cause);
    }
    this.#settings = settings;
  }
}

/** @throws {ContactsError} code `contacts-full`. */
function withOneMore(keys: ReadonlySet<string>, key: string): ReadonlySet<string> {
  if (keys.size < MAX_CONTACTS) return new Set(keys).add(key);
  throw new ContactsError("contacts-full", "skychat privacy: list is full");
}

function unavailable(cause: unknown): ContactsError {
  return new ContactsError("contacts-unavailable", "privacy settings unavailable", { cause });
}

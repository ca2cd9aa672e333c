import { unwrapGroupBody } from "#events";
import { formatDuration } from "#kit";
import type { Call } from "./command.ts";
import type { ControlClient } from "./control_client.ts";
import type { FeedHandlers } from "./event_feed.ts";
import { gapOf, gapText } from "./event_gap.ts";
import type { GROUP_LISTEN_FLAGS } from "./group_flags.ts";
import { printGroupLine } from "./group_line.ts";
import { momentOf } from "./group_time.ts";
import {
  type JsonView,
  numberField,
  objectListField,
  parseJsonObject,
  textField,
} from "./json_view.ts";
import { LISTEN_BACKLOG } from "./listen_feed.ts";
import { identityOf, resumableSeq } from "./numbered_event.ts";
import { SeenEvents } from "./seen_events.ts";
import { escapeBody } from "./terminal_text.ts";

/** What `group listen` was asked for. */
export interface GroupFeedOptions {
  readonly client: ControlClient;
  /** The only group to show; undefined: all. */
  readonly group: string | undefined;
  /** Only what arrived after this, nanoseconds since 1970. */
  readonly since: bigint | undefined;
}

/**
 * What `group listen` reads: the group messages of `/events`, going on after the last number at every
 * new connection. The first one asks for the newest {@link LISTEN_BACKLOG} where the app keeps events on
 * disk, and for all that an app remembers elsewhere or with `--since`.
 */
export class GroupFeed implements FeedHandlers {
  readonly #call: Call<typeof GROUP_LISTEN_FLAGS>;
  readonly #options: GroupFeedOptions;
  readonly #seen = new SeenEvents();
  #cursor: number | undefined;
  /** Newest number at the first connection: what is not after it is backlog. */
  #backlogEnd = 0;
  #isLost = false;

  constructor(call: Call<typeof GROUP_LISTEN_FLAGS>, options: GroupFeedOptions) {
    this.#call = call;
    this.#options = options;
  }

  async path(signal: AbortSignal): Promise<string> {
    this.#cursor ??= await this.#start(signal);
    const { group } = this.#options;
    const only = group === undefined ? "" : `&group=${encodeURIComponent(group.toWellFormed())}`;
    return `/events?channel=group&since=${this.#cursor}${only}`;
  }

  connected(): void {
    if (this.#isLost) this.#note("reconnected");
    this.#isLost = false;
  }

  event(data: string): void {
    const view = parseJsonObject(data);
    if (view === undefined) return this.#note(`not JSON: ${escapeBody(data)}`);
    // Not the largest so far: after a restart of the app the numbers may start again.
    this.#cursor = resumableSeq(view) ?? this.#cursor;
    const gap = gapOf(view);
    if (gap !== undefined) {
      // What is missing of the backlog, nobody asked for.
      if (gap.next - 1 > this.#backlogEnd) this.#note(gapText(gap));
      return;
    }
    const identity = identityOf(view);
    if (!this.#isWanted(view) || (identity !== undefined && !this.#seen.add(identity))) return;
    const { flags, io } = this.#call;
    printGroupLine(io, {
      // The author's time, where the app tells it.
      ts: textField(view, "msg_ts") || textField(view, "ts"),
      group: textField(view, "group_id"),
      sender: textField(view, "from"),
      outgoing: textField(view, "dir") === "out",
      text: unwrapGroupBody(textField(view, "text")).text,
    }, flags);
  }

  lost(error: string, delayMs: number): void {
    // Once an outage: the next attempts fail for the same reason.
    if (!this.#isLost) {
      this.#note(`${escapeBody(error)} (reconnecting in ${formatDuration(delayMs)})`);
    }
    this.#isLost = true;
  }

  /** An app that ignores the filters of the path sends more than was asked for. */
  #isWanted(view: JsonView): boolean {
    const { group, since } = this.#options;
    const id = textField(view, "group_id");
    if (textField(view, "channel") !== "group" || id === "") return false;
    if (group !== undefined && id !== group) return false;
    const arrived = momentOf(textField(view, "ts"));
    return since === undefined || arrived === undefined || arrived > since;
  }

  /** The number after which the first connection begins; throws when nobody answers. */
  async #start(signal: AbortSignal): Promise<number> {
    const { client, since } = this.#options;
    const { status, body } = await client.ask({ path: "/status" }, { signal });
    const view = status === 200 ? parseJsonObject(body) ?? {} : {};
    this.#checkGroups(view);
    this.#backlogEnd = numberField(view, "events_seq") ?? 0;
    // Without --since, where numbers outlive the app, what is kept can be very much.
    const all = since !== undefined || view["events_durable"] !== true;
    return all ? 0 : Math.max(0, this.#backlogEnd - LISTEN_BACKLOG);
  }

  /** Whoever waits for messages of a group that is not there should know. */
  #checkGroups(view: JsonView): void {
    if (!Array.isArray(view["groups"])) return;
    const { group } = this.#options;
    const ids = objectListField(view, "groups").map((one) => textField(one, "id"));
    if (ids.length === 0) this.#note("the app runs no group yet");
    else if (group !== undefined && !ids.includes(group)) {
      this.#note(`the app has no group "${escapeBody(group)}" yet`);
    }
  }

  #note(text: string): void {
    this.#call.io.output.note(`group listen: ${text}`);
  }
}

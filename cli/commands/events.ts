import { formatDuration } from "#kit";
import { CHANNELS, type EVENTS_FLAGS } from "../client_flags.ts";
import type { Call } from "../command.ts";
import { ControlClient } from "../control_client.ts";
import { wantsColour } from "../environment.ts";
import { EXIT_OK, usageError } from "../errors.ts";
import { type FeedHandlers, followFeed } from "../event_feed.ts";
import { gapOf, gapText } from "../event_gap.ts";
import { type JsonView, numberField, parseJsonObject, textField } from "../json_view.ts";
import { identityOf, resumableSeq } from "../numbered_event.ts";
import type { Span } from "../output.ts";
import { SeenEvents } from "../seen_events.ts";
import { escapeBody } from "../terminal_text.ts";

/** Prints the structured stream until it is told to stop (cli.md 6). */
export async function run(call: Call<typeof EVENTS_FLAGS>): Promise<number> {
  checkChannels(call.flags.channel);
  const client = ControlClient.of(call);
  const { io } = call;
  await followFeed(client, new EventPrinter(call), { io, signal: io.interrupt() });
  return EXIT_OK;
}

/** The app ignores words that it does not know (http-api.md 6), which would hide a typing error. */
function checkChannels(csv: string): void {
  const words = csv.split(",").map((word) => word.trim()).filter((word) => word !== "");
  const unknown = words.find((word) => !CHANNELS.includes(word));
  if (unknown === undefined) return;
  throw usageError(`unknown channel "${unknown}"`, `use some of: ${CHANNELS.join(", ")}`);
}

/** Characters of a key that are shown. */
const SHOWN_KEY = 12;

class EventPrinter implements FeedHandlers {
  readonly #call: Call<typeof EVENTS_FLAGS>;
  readonly #seen = new SeenEvents();
  #since: number;
  /** Whether the app has sent nothing yet. */
  #fresh = true;

  constructor(call: Call<typeof EVENTS_FLAGS>) {
    this.#call = call;
    this.#since = call.flags.since;
  }

  path(): string {
    const channel = encodeURIComponent(this.#call.flags.channel);
    return `/events?channel=${channel}&since=${this.#since}`;
  }

  event(data: string): void {
    const { flags, io } = this.#call;
    const view = parseJsonObject(data);
    if (view === undefined) {
      io.output.note(`skychat events: not JSON: ${escapeBody(data)}`);
      return;
    }
    this.#checkStart(numberField(view, "seq"));
    // Not the largest so far: after a restart of the app the numbers start again.
    this.#since = resumableSeq(view) ?? this.#since;
    const identity = identityOf(view);
    if (identity !== undefined && !this.#seen.add(identity)) return;
    // Data of several lines is put on one; otherwise it is printed as it came.
    if (flags.json) return io.output.json(data.includes("\n") ? JSON.stringify(view) : data);
    const gap = gapOf(view);
    if (gap !== undefined) return io.output.note(`skychat events: ${gapText(gap)}`);
    io.output.spans(this.#spansOf(view), wantsColour(io.environment, io.output.stdout.terminal));
  }

  /** The app takes a number ahead of its newest for 0 (http-api.md 6). */
  #checkStart(seq: number | undefined): void {
    const { flags, io } = this.#call;
    const ahead = this.#fresh && seq !== undefined && seq <= flags.since;
    this.#fresh = false;
    if (!ahead) return;
    io.output.note(
      `skychat events: the app has no event #${flags.since} yet: everything kept is shown`,
    );
  }

  lost(error: string, delayMs: number): void {
    const delay = formatDuration(delayMs);
    this.#call.io.output.note(`skychat events: ${error} (reconnecting in ${delay})`);
  }

  #spansOf(view: JsonView): readonly Span[] {
    const field = (name: string) => textField(view, name);
    const group = field("group_id") === "" ? "" : `:${escapeBody(field("group_id"))}`;
    const to = field("to") === "" ? "" : `→${shortKey(field("to"))}`;
    const direction = escapeBody(field("dir"));
    const head = `#${numberField(view, "seq") ?? 0} ${escapeBody(field("channel"))}${group}`;
    return [
      { text: `[${this.#clockTime(field("ts"))}] ${head} `, style: "dim" },
      {
        text: `${direction} ${escapeBody(shortKey(field("from")))}${escapeBody(to)}`,
        style: direction === "out" ? "out" : "in",
      },
      { text: `  ${escapeBody(field("text"))}` },
    ];
  }

  /** Time of day in the user's zone. */
  #clockTime(ts: string): string {
    const moment = new Date(ts);
    if (Number.isNaN(moment.getTime())) return "--:--:--";
    const offset = this.#call.io.zone(moment) * 60_000;
    return new Date(moment.getTime() + offset).toISOString().slice(11, 19);
  }
}

function shortKey(key: string): string {
  return key.length > SHOWN_KEY ? `${key.slice(0, SHOWN_KEY)}…` : key;
}

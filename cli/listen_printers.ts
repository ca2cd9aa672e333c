import { formatDuration, rfc3339 } from "#kit";
import type { AliasBook } from "./alias_book.ts";
import type { LISTEN_FLAGS } from "./client_flags.ts";
import type { Call } from "./command.ts";
import { wantsColour } from "./environment.ts";
import { type EventGap, gapText } from "./event_gap.ts";
import type { ReceivedEvent } from "./sse_event.ts";
import { escapeBody } from "./terminal_text.ts";

/** What a printer of `listen` knows. */
export interface ListenView {
  readonly call: Call<typeof LISTEN_FLAGS>;
  readonly aliases: AliasBook;
  /** Key of the only sender to show, or "". */
  readonly from: string;
  /** The app's `host:port`. */
  readonly addr: string;
}

/** One of the two forms of `listen` (cli.md 5). */
export interface ListenPrinter {
  banner(): void;
  event(event: ReceivedEvent): void;
  /** Data that is no JSON object. */
  garbage(data: string): void;
  /** Events that the app no longer keeps. */
  gap(gap: EventGap): void;
  lost(error: string, delayMs: number): void;
}

/** For people: one message a line, talk on stderr. */
export class TextPrinter implements ListenPrinter {
  readonly #view: ListenView;

  constructor(view: ListenView) {
    this.#view = view;
  }

  banner(): void {
    const { call: { flags, io }, addr, from } = this.#view;
    const net = flags.net === "" ? "" : ` (net=${flags.net})`;
    const sender = from === "" ? "" : ` (from=${from})`;
    io.output.line(`Listening for messages from ${addr}${net}${sender}`);
    io.output.line("Press Ctrl+C to stop");
    io.output.line("");
  }

  event(event: ReceivedEvent): void {
    if (event.kind === "control") return;
    const { call: { flags, io }, aliases } = this.#view;
    const author = event.kind === "seed" && event.direction === "out" ? "self" : event.from;
    // What stands before the text is one line even with --raw, whatever an app says.
    const name = escapeBody(aliases.nameOf(author) ?? author);
    const network = event.network === "" ? "" : `/${escapeBody(event.network)}`;
    const when = event.ts === "" ? "" : `${escapeBody(event.ts)} `;
    const isIn = event.direction === "in";
    const body = flags.raw ? event.body : escapeBody(event.body);
    io.output.spans([
      { text: when, style: "dim" },
      { text: `[${isIn ? "" : ">"}${name}${network}]`, style: isIn ? "in" : "out" },
      { text: ` ${body}` },
    ], wantsColour(io.environment, io.output.stdout.terminal));
  }

  garbage(data: string): void {
    const { flags, io } = this.#view.call;
    io.output.line(`Raw: ${flags.raw ? data : escapeBody(data)}`);
  }

  gap(gap: EventGap): void {
    this.#view.call.io.output.note(`skychat listen: ${gapText(gap)}`);
  }

  lost(error: string, delayMs: number): void {
    const delay = formatDuration(delayMs);
    this.#view.call.io.output.note(
      `skychat listen: ${escapeBody(error)} (reconnecting in ${delay})`,
    );
  }
}

/** For programs: one object a line, nothing on stderr. */
export class JsonPrinter implements ListenPrinter {
  readonly #view: ListenView;

  constructor(view: ListenView) {
    this.#view = view;
  }

  banner(): void {
    const { call: { flags }, addr, from } = this.#view;
    const [net, sender] = [flags.net || undefined, from || undefined];
    this.#write("banner", { addr, schema: "v1", net, from: sender });
  }

  event(event: ReceivedEvent): void {
    if (event.kind === "control") return this.#write("status", { ...event.view });
    const { aliases } = this.#view;
    this.#write("msg", {
      ts: event.ts || undefined,
      id: event.id || undefined,
      from: event.from || undefined,
      from_alias: aliases.nameOf(event.from),
      to: event.to || undefined,
      to_alias: aliases.nameOf(event.to),
      net: event.network || undefined,
      body: event.body || undefined,
      dir: event.direction,
      len: event.length,
      seq: event.seq,
    });
  }

  garbage(data: string): void {
    this.#write("error", { err: `not JSON: ${data}` });
  }

  gap(gap: EventGap): void {
    this.#write("gap", { seq: gap.next - 1, after: gap.after, next: gap.next });
  }

  lost(error: string, delayMs: number): void {
    this.#write("reconnect", { err: error, delay_ms: delayMs });
  }

  /** `type` first, then `ts`: now, unless the event has its own. */
  #write(type: string, fields: Readonly<Record<string, unknown>>): void {
    const { io } = this.#view.call;
    const ts = fields["ts"] ?? rfc3339(io.clock.wall());
    io.output.json(JSON.stringify({ ...{ type, ts }, ...fields, type, ts }));
  }
}

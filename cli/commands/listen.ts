import { AliasBook, resolvePeer } from "../alias_book.ts";
import type { LISTEN_FLAGS } from "../client_flags.ts";
import type { Call } from "../command.ts";
import { ControlClient } from "../control_client.ts";
import { CliError, EXIT_OK } from "../errors.ts";
import { type FeedHandlers, followFeed } from "../event_feed.ts";
import { parseJsonObject, textField } from "../json_view.ts";
import {
  JsonPrinter,
  type ListenPrinter,
  type ListenView,
  TextPrinter,
} from "../listen_printers.ts";
import { checkNetwork } from "../network_name.ts";
import { SeenEvents } from "../seen_events.ts";
import { identityOfEvent, type ReceivedEvent, receivedEvent } from "../sse_event.ts";

/** Networks that `--net` can select. */
const NETWORKS = ["skynet", "dmsg", "tcp-direct", "cxo"];

/** Prints messages as they arrive, until it is told to stop (cli.md 5). */
export async function run(call: Call<typeof LISTEN_FLAGS>): Promise<number> {
  const { flags, io } = call;
  if (flags.raw && flags.json) {
    throw new CliError("--raw and --json are mutually exclusive", { code: "usage" });
  }
  if (flags.net !== "") checkNetwork(flags.net, NETWORKS);
  const client = ControlClient.of(call);
  const aliases = await AliasBook.open(io);
  const from = flags.from === "" ? "" : await resolvePeer(flags.from, aliases);
  const view: ListenView = { call, aliases, from, addr: client.target.shown };
  const printer = flags.json ? new JsonPrinter(view) : new TextPrinter(view);
  printer.banner();
  await followFeed(client, feedHandlers(view, printer), { io, signal: io.interrupt() });
  return EXIT_OK;
}

function feedHandlers(view: ListenView, printer: ListenPrinter): FeedHandlers {
  const seen = new SeenEvents();
  return {
    path: () => "/sse",
    lost: (error, delayMs) => printer.lost(error, delayMs),
    event(data) {
      const object = parseJsonObject(data);
      if (object === undefined) return printer.garbage(data);
      const event = receivedEvent(object);
      if (!isWanted(event, view)) return;
      // Each new connection replays what the app still remembers.
      const identity = identityOfEvent(event);
      if (identity === undefined || seen.add(identity)) printer.event(event);
    },
  };
}

function isWanted(event: ReceivedEvent, { call: { flags }, from }: ListenView): boolean {
  const author = event.kind === "control" ? textField(event.view, "peer") : event.from;
  if (from !== "" && author.toLowerCase() !== from) return false;
  return flags.net === "" || event.network === flags.net;
}

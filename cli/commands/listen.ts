import { AliasBook, resolvePeer } from "../alias_book.ts";
import type { LISTEN_FLAGS } from "../client_flags.ts";
import type { Call } from "../command.ts";
import { ControlClient } from "../control_client.ts";
import { CliError, EXIT_OK } from "../errors.ts";
import { followFeed } from "../event_feed.ts";
import { ListenFeed } from "../listen_feed.ts";
import { JsonPrinter, type ListenView, TextPrinter } from "../listen_printers.ts";
import { checkNetwork, LISTEN_NETWORKS } from "../network_name.ts";

/** Prints messages as they arrive, until it is told to stop (cli.md 5). */
export async function run(call: Call<typeof LISTEN_FLAGS>): Promise<number> {
  const { flags, io } = call;
  if (flags.raw && flags.json) {
    throw new CliError("--raw and --json are mutually exclusive", { code: "usage" });
  }
  if (flags.net !== "") checkNetwork(flags.net, LISTEN_NETWORKS);
  const client = ControlClient.of(call);
  const aliases = await AliasBook.open(io);
  const from = flags.from === "" ? "" : await resolvePeer(flags.from, aliases);
  const view: ListenView = { call, aliases, from, addr: client.target.shown };
  const printer = flags.json ? new JsonPrinter(view) : new TextPrinter(view);
  printer.banner();
  await follow(view, { client, feed: new ListenFeed(view, { client, printer }) });
  return EXIT_OK;
}

/** Reads messages and, for programs, delivery statuses, which are on a stream of their own. */
async function follow(
  { call: { flags, io } }: ListenView,
  { client, feed }: { client: ControlClient; feed: ListenFeed },
): Promise<void> {
  const interrupt = io.interrupt();
  const stop = new AbortController();
  const onStop = () => stop.abort();
  interrupt.addEventListener("abort", onStop);
  if (interrupt.aborted) stop.abort();
  const { signal } = stop;
  const reading = async (work: Promise<void>) => {
    try {
      await work;
    } finally {
      // Whatever ends one of them, such as an output that nobody reads, ends both.
      stop.abort();
    }
  };
  const statuses = async () => {
    await feed.needsStatuses(signal);
    await followFeed(client, feed.statusHandlers(), { io, signal });
  };
  try {
    await Promise.all([
      reading(followFeed(client, feed, { io, signal })),
      ...flags.json ? [reading(statuses())] : [],
    ]);
  } finally {
    interrupt.removeEventListener("abort", onStop);
  }
}

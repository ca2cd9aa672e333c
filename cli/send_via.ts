import { IdentityError, type ResolvedIdentity, resolveIdentity } from "#app";
import { classify, encodeMessage, newMessageId } from "#chat";
import { CodedError, errorText, formatDuration, type Log, type Timer, utf8 } from "#kit";
import { DialError, dialLink, type Endpoint, type Link } from "#net";
import { encodeFrame, FrameDecoder } from "#session";
import type { SEND_FLAGS } from "./client_flags.ts";
import type { Call } from "./command.ts";
import { CliError, EXIT_OK } from "./errors.ts";
import { printResult } from "./send_result.ts";
import { type Verbose, verboseWriter } from "./verbose.ts";
import { parseViaSpec } from "./via_endpoint.ts";

type SendCall = Call<typeof SEND_FLAGS>;

/** Dials the peer and hands it the message, without a local app: every outcome of cli.md 4.2. */
export async function sendVia(call: SendCall): Promise<number> {
  const { flags, io } = call;
  const endpoint = parseViaSpec(flags.via);
  await checkRecipient(call, endpoint);
  if (flags.msg === "") throw new CliError("skychat/dm: empty message", { code: "usage" });
  const identity = await viaIdentity(call);
  const verbose = verboseWriter(io.output, flags.verbose);
  announce(call, verbose);
  const id = newMessageId(io.random);
  const frame = encodeFrame(encodeMessage({ id, body: flags.msg, ack: flags.wait > 0 }));
  const link = await dial(call, { endpoint, identity, verbose });
  try {
    return await deliver(call, { link, frame, id });
  } finally {
    link.close();
  }
}

/** `--to` beside `--via` must be the same peer. */
async function checkRecipient({ flags, io }: SendCall, { peer }: Endpoint): Promise<void> {
  if (flags.to === "") return;
  const { AliasBook, resolvePeer } = await import("./alias_book.ts");
  const to = await resolvePeer(flags.to, await AliasBook.open(io));
  if (to === peer.hex) return;
  throw new CliError(
    `--to ${to} != --via tcp:// pk ${peer} (the pinned PK in --via wins; use one or the other)`,
    { code: "usage" },
  );
}

/** `--sk`, `DMSGCURL_SK`, `-c`; a random key could not be answered, so there is no fourth. */
async function viaIdentity({ flags, io }: SendCall): Promise<ResolvedIdentity> {
  const warn = (warnings: readonly string[]) => {
    if (!flags.json) { for (const warning of warnings) io.output.note(warning); }
  };
  try {
    const identity = await resolveIdentity({
      sk: flags.sk,
      env: io.environment,
      configPath: flags.config,
      allowEphemeral: false,
      random: io.random,
      readFile: io.readFile,
    });
    warn(identity.warnings);
    return identity;
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error;
    warn(error.warnings);
    if (error.code !== "no-identity") throw error;
    throw new CliError(
      "--via tcp requires identity: set --sk, DMSGCURL_SK env, or -c skywire.json",
      { code: "usage" },
    );
  }
}

function announce({ flags }: SendCall, verbose: Verbose): void {
  verbose(`via: ${flags.via}`);
  verbose(`msg bytes: ${utf8(flags.msg).length}`);
  verbose(`wait timeout: ${formatDuration(flags.wait)}`);
  verbose("mode: noise-TCP direct (no local chat-app)");
}

interface Dialling {
  readonly endpoint: Endpoint;
  readonly identity: ResolvedIdentity;
  readonly verbose: Verbose;
}

async function dial(
  { flags, io }: SendCall,
  { endpoint, identity, verbose }: Dialling,
): Promise<Link> {
  const note = (text: string) => {
    if (!flags.json) io.output.note(`skychat: ${text}`);
  };
  const log: Log = { debug() {}, info: verbose, warn: note, error: note };
  const context = {
    network: await io.network(),
    clock: io.clock,
    random: io.random,
    log,
    local: identity.secret,
    requirePostQuantum: Boolean(io.environment["SKYWIRE_REQUIRE_PQ"]),
  };
  const link = await dialLink(context, endpoint).catch((error: unknown) => {
    throw dialFailure(error);
  });
  verbose(`connected to ${link.remoteAddress}${link.postQuantum ? ", post-quantum" : ""}`);
  return link;
}

/** Whoever is dialled under another's key cannot read the first message (noise.md 3). */
const WRONG_KEY_HINT =
  "a peer that hangs up this early usually has another key than the one in --via; " +
  "skychat status on its side shows it";

/** Nobody there, or somebody who does not talk, is out of reach; everybody else has refused. */
function dialFailure(error: unknown): unknown {
  if (!(error instanceof DialError)) return error;
  const cause = error.cause instanceof CodedError ? error.cause.code : "";
  const reached = error.code === "handshake-failed" && cause !== "handshake-timeout";
  return new CliError(error.message, {
    code: reached ? "refused" : "unreachable",
    hint: cause === "handshake-broken" ? WRONG_KEY_HINT : undefined,
  });
}

interface Delivery {
  readonly link: Link;
  readonly frame: Uint8Array;
  readonly id: string;
}

/** Writes the message and, unless nobody waits, reads until its receipt. */
async function deliver({ flags, io }: SendCall, { link, frame, id }: Delivery): Promise<number> {
  const { json, wait } = flags;
  const peer = link.peer.hex;
  const receipt = wait > 0 ? new ReceiptWait(link, id) : undefined;
  const started = io.clock.now();
  await link.write(frame).catch((error: unknown) => {
    throw sendFailure(link, errorText(error));
  });
  if (receipt === undefined) {
    const result = { acked: false, id, ms: 0, via: "tcp" } as const;
    printResult(io.output, result, { json, text: `Message sent to ${peer} via tcp` });
    return EXIT_OK;
  }
  let timer: Timer | undefined;
  const late = new Promise<"timeout">((resolve) => {
    timer = io.clock.after(wait, () => resolve("timeout"));
  });
  const outcome = await Promise.race([receipt.outcome, late]);
  timer?.cancel();
  const ms = Math.round(io.clock.now() - started);
  const acked = outcome === "acked";
  const text = `Acked by ${peer} in ${ms}ms (id=${id}, via tcp)`;
  if (acked || json) printResult(io.output, { acked, id, ms, via: "tcp" }, { json, text });
  if (acked) return EXIT_OK;
  if (outcome === "timeout") {
    throw new CliError(`send to ${peer} via tcp not acked: timeout`, { code: "no-ack" });
  }
  throw sendFailure(link, outcome.ended);
}

/** The link is gone before the message was out, or before its receipt was in. */
function sendFailure(link: Link, reason: string): CliError {
  return new CliError(`send to ${link.peer} via tcp failed: ${reason}`, {
    code: "refused",
    hint: "a peer that hangs up at once usually does not have our key on its whitelist",
  });
}

/** Reads a link until the receipt of one message; whatever else arrives is ignored. */
class ReceiptWait {
  /** `acked`, or why the link ended before. Never rejects. */
  readonly outcome: Promise<"acked" | { readonly ended: string }>;

  constructor(link: Link, id: string) {
    const { promise, resolve } = Promise.withResolvers<"acked" | { readonly ended: string }>();
    this.outcome = promise;
    const frames = new FrameDecoder({ skipEmpty: true });
    link.serve((bytes) => {
      for (const event of frames.push(bytes)) {
        if (event.kind === "fatal") return link.close(event.message);
        const found = classify(event.payload);
        const ours = found.kind === "receipt" && found.status === "received" && found.id === id;
        if (ours) resolve("acked");
      }
    }).then(
      ({ message }) => resolve({ ended: message }),
      (error: unknown) => resolve({ ended: errorText(error) }),
    );
  }
}

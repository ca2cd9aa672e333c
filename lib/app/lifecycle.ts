import { errorText } from "#kit";
import { composeNode, type Node, wantsLinks, wantsNetwork } from "./compose.ts";
import { type AppConfig, withWorkFolder } from "./config.ts";
import { collectWhenIdle } from "./idle_collector.ts";
import type { NodeRun, NodeRuntime } from "./node_runtime.ts";
import { StartError } from "./start_error.ts";
import { VERSION } from "./version.ts";
import { VisorService } from "./visor_service.ts";

/** Longest time for an orderly stop, milliseconds; whatever hangs then is left to the process's end. */
export const STOP_LIMIT_MS = 2_000;

/** The same for a node with a visor, which is told goodbye (visor.md 7.3). */
export const EMBEDDED_STOP_LIMIT_MS = 3_000;

/**
 * Runs a node until the signal aborts: start order and log lines of cli.md 2.2, stop order of http-api.md 7;
 * with a visor visor.md 7.2 and 7.3.
 *
 * @returns the exit code: 0 after an orderly stop, 1 when it could not start, or when the visor is gone and
 * nothing else was asked for.
 */
export async function runNode(config: AppConfig, run: NodeRun): Promise<number> {
  const { log } = run;
  log.info(`Build info: ${VERSION}`);
  let visor: VisorService | undefined;
  try {
    if (config.visor === undefined) return await serve(await startNode(config, run), config, run);
    const attached = await VisorService.attach(config.visor, run);
    ({ visor } = attached);
    const placed = withWorkFolder(config, attached.workDir);
    return await serve(await startNode(placed, run, visor), placed, run);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    // Told to stop while it was starting: nothing went wrong.
    if (run.signal.aborted) return 0;
    log.error(error.message);
    if (visor !== undefined) await withinStopLimit(config, run, visor.fail(error.message));
    return 1;
  }
}

/**
 * Opens all that must be open.
 *
 * @throws {StartError} when that does not work
 */
async function startNode(config: AppConfig, run: NodeRun, visor?: VisorService): Promise<Node> {
  const node = await composeNode(config, run, visor);
  visor?.listen((link) => node.chat.attach(link));
  // Nothing is dialled or accepted over TCP by a node whose only door is taken.
  await bindControl(node);
  return node;
}

/** Takes part until the signal aborts; the exit code. */
async function serve(node: Node, config: AppConfig, run: NodeRun): Promise<number> {
  const { log } = run;
  const { visor } = node;
  if (visor === undefined) {
    log.info(
      "Successfully started skychat in --standalone mode " +
        "(no visor handshake; TCP-direct + HTTP control surface only).",
    );
  }
  node.stored.tell(log);
  const stop = new AbortController();
  const running = startLinks(node, config, { runtime: run, signal: stop.signal });
  if (config.noPassword) {
    log.warn("the control surface has no password (--no-password): guard its port yourself");
  }
  log.info(`Serving HTTP on ${node.control.address}`);
  const leaveMemory = run.memory && collectWhenIdle(run.memory, run.clock);
  try {
    run.onServing?.({
      publicKey: node.identity.secret.publicKey.hex,
      controlAddress: node.control.address,
      linkAddress: node.listening ?? "",
    });
    void visor?.running();
    const ends = [aborted(run.signal).then(() => 0)];
    // Whoever asked for nothing but the visor's networks has nothing left, unless a group began meanwhile.
    if (visor !== undefined && !wantsNetwork(config)) {
      ends.push(visor.lost.then(() => node.groups.session === undefined ? 1 : NEVER));
    }
    return await Promise.race(ends);
  } finally {
    leaveMemory?.();
    stop.abort();
    await withinStopLimit(config, run, stopNode(node, running));
  }
}

/** Opens the control port, whose failure ends the process (http-api.md 1.1). */
async function bindControl(
  { chat, control, feeds, groups, lag, stored }: Node,
): Promise<void> {
  try {
    control.listen();
  } catch (error) {
    lag.close();
    await chat.close();
    await feeds?.close();
    await groups.close();
    await stored.history?.close();
    throw new StartError(errorText(error), { cause: error });
  }
}

/** Starts listening and dialling; returns what runs until the node stops. */
function startLinks(
  node: Node,
  config: AppConfig,
  { runtime, signal }: { runtime: NodeRuntime; signal: AbortSignal },
): Promise<void>[] {
  const { log } = runtime;
  node.groups.start(signal);
  if (!wantsNetwork(config)) {
    if (node.visor === undefined) {
      log.warn("Warning: no network types enabled, skychat will not accept connections");
    }
    return [];
  }
  const { secret, source } = node.identity;
  if (wantsLinks(config)) {
    log.info(`skychat: tcp-direct identity pk=${secret.publicKey} (source: ${source})`);
  }
  const running = node.dialers.map((dialer) => dialer.run(signal));
  if (node.acceptor !== undefined) {
    try {
      node.listening = node.acceptor.listen();
      log.info(`skychat: tcp-direct listening on ${node.listening}`);
      running.push(node.acceptor.run());
    } catch (error) {
      // Peers that are dialled and the control surface still work, so the node goes on (noise.md 8.2).
      log.error(`skychat: tcp-direct listener exited: ${errorText(error)}`);
    }
  }
  const feeds = node.feeds?.start(signal);
  if (feeds !== undefined) {
    const [key, { address }] = [secret.publicKey, feeds];
    if (address === "") {
      log.info(`skychat: cxo feed of pk=${key} is served nowhere: --cxo-listen is empty`);
    } else {
      log.info(
        `skychat: cxo feed publishing as pk=${key} on ${address} (identity source: ${source})`,
      );
    }
    running.push(feeds.running);
  }
  return running;
}

/** Nothing new first, then what is open, then what others depended on. */
async function stopNode(node: Node, running: readonly Promise<void>[]): Promise<void> {
  node.lag.close();
  node.acceptor?.close();
  void node.visor?.stopping();
  // Together: requests that wait for a receipt end with the chat, streams with the surface.
  await Promise.all([node.control.shutdown(), node.chat.close()]);
  // Beside each other: a visor that hangs must not keep the store from being closed.
  await Promise.all([node.visor?.close(), closeRest(node, running)]);
}

async function closeRest(
  { events, groups, stored }: Node,
  running: readonly Promise<void>[],
): Promise<void> {
  events.close();
  await Promise.allSettled([...running, groups.ended]);
  await stored.history?.close();
}

async function withinStopLimit(
  { visor }: AppConfig,
  runtime: NodeRuntime,
  work: Promise<void>,
): Promise<void> {
  const finished = new AbortController();
  await Promise.race([
    work.finally(() => finished.abort()),
    runtime.clock.sleep(
      visor === undefined ? STOP_LIMIT_MS : EMBEDDED_STOP_LIMIT_MS,
      finished.signal,
    ),
  ]);
}

const NEVER = new Promise<never>(() => {});

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

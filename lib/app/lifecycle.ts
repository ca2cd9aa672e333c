import { errorText } from "#kit";
import { composeNode, type Node, wantsLinks, wantsNetwork } from "./compose.ts";
import type { AppConfig } from "./config.ts";
import { collectWhenIdle } from "./idle_collector.ts";
import type { NodeRun, NodeRuntime } from "./node_runtime.ts";
import { StartError } from "./start_error.ts";
import { VERSION } from "./version.ts";

/** Longest time for an orderly stop, milliseconds; whatever hangs then is left to the process's end. */
export const STOP_LIMIT_MS = 2_000;

/**
 * Runs a standalone node until the signal aborts: start order and log lines of cli.md 2.2, stop order
 * of http-api.md 7.
 *
 * @returns the exit code: 0 after an orderly stop, 1 when it could not start.
 */
export async function runNode(config: AppConfig, run: NodeRun): Promise<number> {
  const { log } = run;
  log.info(`Build info: ${VERSION}`);
  let node: Node;
  try {
    node = await composeNode(config, run);
    // Nothing is dialled or accepted by a node whose only door is taken.
    await bindControl(node);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    log.error(error.message);
    return 1;
  }
  log.info(
    "Successfully started skychat in --standalone mode " +
      "(no visor handshake; TCP-direct + HTTP control surface only).",
  );
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
    await aborted(run.signal);
  } finally {
    leaveMemory?.();
    stop.abort();
    await withinStopLimit(run, stopNode(node, running));
  }
  return 0;
}

/** Opens the control port, whose failure ends the process (http-api.md 1.1). */
async function bindControl({ control, feeds, groups, lag, stored }: Node): Promise<void> {
  try {
    control.listen();
  } catch (error) {
    lag.close();
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
    log.warn("Warning: no network types enabled, skychat will not accept connections");
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
  // Together: requests that wait for a receipt end with the chat, streams with the surface.
  await Promise.all([node.control.shutdown(), node.chat.close()]);
  node.events.close();
  await Promise.allSettled([...running, node.groups.ended]);
  await node.stored.history?.close();
}

async function withinStopLimit(runtime: NodeRuntime, work: Promise<void>): Promise<void> {
  const finished = new AbortController();
  await Promise.race([
    work.finally(() => finished.abort()),
    runtime.clock.sleep(STOP_LIMIT_MS, finished.signal),
  ]);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

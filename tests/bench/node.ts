import { SecretKey } from "#crypto";
import { systemRandom } from "#kit";
import { type App, startApp } from "#support/spawn.ts";
import { type PeerAddress, peerAddress } from "./peer_client.ts";

/** The product as a process, with the flags of every row: standalone, loopback, any free ports. */
export interface BenchNode {
  readonly app: App;
  /** Where its chat links are. */
  readonly peer: PeerAddress;
  /** What `send --via` takes. */
  readonly via: string;
}

const running = new Set<App>();

/** Ends nodes that a part left behind because it did not end itself. */
export async function killNodes(): Promise<void> {
  for (const app of running) await app.kill();
}

/** Starts a node, lets the action use it, and stops it whatever happens. */
export async function withNode<T>(
  action: (node: BenchNode) => Promise<T>,
  flags: readonly string[] = [],
): Promise<T> {
  const secret = SecretKey.generate(systemRandom);
  const sk = secret.reveal().toHex();
  const app = await startApp(["--tcp-listen", "127.0.0.1:0", "--sk", sk, ...flags]);
  running.add(app);
  try {
    await app.waitForLog("tcp-direct listening on ");
    const pk = secret.publicKey.hex;
    return await action({
      app,
      peer: peerAddress(app.tcpAddr, pk),
      via: `tcp://${pk}@${app.tcpAddr}`,
    });
  } finally {
    await app.kill();
    running.delete(app);
  }
}

/** One number of the node's `/status`. */
export async function counter({ app }: BenchNode, key: string): Promise<number> {
  const response = await fetch(`http://${app.addr}/status`);
  const status: Record<string, unknown> = await response.json();
  return Number(status[key]);
}

/** History without limits: a node refuses what is beyond them, and acknowledges that at once. */
const NO_LIMITS = ["per-peer-rate", "per-peer-cap", "total-cap", "ttl"]
  .map((limit) => `--persist-${limit}=0`);

/** The same with a history that keeps everything, in a folder of its own; `prepare` may fill it. */
export async function withStoringNode<T>(
  action: (node: BenchNode) => Promise<T>,
  flags: readonly string[] = [],
  prepare: (path: string) => Promise<void> = () => Promise.resolve(),
): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "skychat-bench-" });
  const path = `${folder}/history.db`;
  try {
    await prepare(path);
    return await withNode(action, ["--persist", "--persist-db", path, ...NO_LIMITS, ...flags]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Messages that the node has in its history. */
export async function storedMessages({ app }: BenchNode): Promise<number> {
  const { history } = await (await fetch(`http://${app.addr}/status`)).json();
  return history?.messages ?? 0;
}

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
export async function withNode<T>(action: (node: BenchNode) => Promise<T>): Promise<T> {
  const secret = SecretKey.generate(systemRandom);
  const sk = secret.reveal().toHex();
  const app = await startApp(["--tcp-listen", "127.0.0.1:0", "--sk", sk]);
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

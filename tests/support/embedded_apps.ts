/** Nodes that mini visors start, as processes. */
import assert from "node:assert/strict";
import { denoNetwork } from "#net";
import { openEventStream } from "./event_stream.ts";
import { MiniVisor } from "./mini_visor.ts";
import { MiniMesh } from "./mini_visor_mesh.ts";
import { type App, run, type Running, startEmbedded } from "./spawn.ts";

/** What a test with visors has. */
export interface VisorsScene {
  readonly one: MiniVisor;
  readonly two: MiniVisor;
  /** Theirs alone. */
  readonly folder: string;
  /** What is put here ends with the test. */
  readonly apps: Running[];
}

/** Plays a test with two visors on one mesh, in a folder of its own; nothing is left of it. */
export async function withVisors(play: (scene: VisorsScene) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const mesh = new MiniMesh();
  const [one, two] = [1, 2].map((seed) => MiniVisor.start({ network: denoNetwork, mesh, seed }));
  assert.ok(one !== undefined && two !== undefined);
  const apps: Running[] = [];
  try {
    await play({ one, two, folder, apps });
  } finally {
    for (const app of apps) await app.kill();
    await Promise.all([one.stop(), two.stop()]);
    await Deno.remove(folder, { recursive: true });
  }
}

/** How a node is started under a mini visor. */
export interface UnderOptions {
  readonly cwd: string;
  /** Fields of `PROC_CONFIG`. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Starts a node under a visor, and waits until it has told the visor that it runs. */
export async function startUnder(
  visor: MiniVisor,
  flags: readonly string[],
  { cwd, fields }: UnderOptions,
): Promise<App> {
  const procConfig = visor.procConfig(fields);
  const app = await startEmbedded(procConfig, flags, { cwd });
  const key: unknown = JSON.parse(procConfig).proc_key;
  const isTold = await until(() =>
    visor.calls.some(({ app, argument, method }) =>
      app === key && method === "SetDetailedStatus" && argument === "Running"
    )
  );
  if (isTold) return app;
  await app.kill();
  throw new Error(`The node did not tell its visor that it runs:\n${app.logs.join("\n")}`);
}

/** The status code of a GET. */
export async function codeOf(app: App, path: string): Promise<number> {
  const reply = await fetch(`http://${app.addr}/${path}`);
  await reply.body?.cancel();
  return reply.status;
}

/** The body of `/status`. */
export async function statusOf(app: App): Promise<Record<string, unknown>> {
  return await (await fetch(`http://${app.addr}/status`)).json();
}

/** Posts JSON; the whole answer has been read. */
export async function postTo(app: App, path: string, body: object): Promise<Response> {
  const headers = { "content-type": "application/json" };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  const reply = await fetch(`http://${app.addr}/${path}`, init);
  const { status } = reply;
  const text = await reply.text();
  return new Response(status === 204 ? null : text, { status });
}

/** Sends with `skychat send` and waits for the receipt. */
export async function send(
  app: App,
  to: string,
  text: string,
  ...flags: readonly string[]
): Promise<string> {
  const args = ["send", "--addr", app.addr, "--to", to, "-m", text, "--wait", "8s", ...flags];
  const { code, stderr } = await run(args);
  return code === 0 ? "sent" : `${code}: ${stderr}`;
}

/** Texts and networks of the first messages that a node got or sent. */
export async function seen(app: App, count: number): Promise<[unknown, unknown][]> {
  const stream = await openEventStream(`http://${app.addr}/events?since=0`);
  try {
    const events = await stream.take(count);
    return events.map(({ text, transport }) => [text, transport]);
  } finally {
    await stream.close();
  }
}

/** The network of the argument of a call. */
export function netOf(argument: unknown): unknown {
  return typeof argument === "object" && argument !== null
    ? Reflect.get(argument, "Net")
    : undefined;
}

/**
 * Milliseconds until the end of a process that has 3 s by visor.md 7.3: more, for a loaded machine, and
 * less than one call of the visor may take, which is 10 s.
 */
const END_LIMIT_MS = 8_000;

/** The exit code of a node that is told to stop; what it did instead if it does not end by itself. */
export async function endOf(app: Running): Promise<number | string> {
  Deno.kill(app.pid, "SIGINT");
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`runs after ${END_LIMIT_MS} ms`), END_LIMIT_MS);
  });
  const end = await Promise.race([app.ended, late]);
  clearTimeout(timer);
  return end;
}

/** Looks again and again until something is so, for at most 15 seconds; whether it came to be. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<boolean> {
  for (let look = 0; look < 300; look++) {
    if (await isSo()) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

/** The two nodes of docs/compose.yaml, without compose. */
import assert from "node:assert/strict";
import { mayBeLeftOut } from "#support/left_out.ts";
import { ROOT } from "#support/spawn.ts";
import { image, inContainers, openLab, stop, untilServing } from "./container_scene.ts";
import type { Container, Lab } from "./container_lab.ts";
import { yamlReader } from "./container_tools.ts";

interface Service {
  readonly image: string;
  readonly pull_policy: string;
  readonly read_only: boolean;
  readonly tmpfs: readonly string[];
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly volumes: readonly string[];
  readonly command: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly profiles?: readonly string[];
  readonly healthcheck: { readonly test?: readonly string[]; readonly disable?: boolean };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const text = await Deno.readTextFile(`${ROOT}docs/compose.yaml`);
const read = await yamlReader();
const compose = await read?.(text) as Compose | undefined;

function service(name: string): Service {
  const found = compose?.services[name];
  assert.ok(found, `there is no service ${name}`);
  return found;
}

Deno.test({
  name: "compose.yaml contains every service and gives each node a volume and a health check" +
    (compose === undefined ? " (not run: no PyYAML)" : ""),
  ignore: mayBeLeftOut(compose !== undefined),
  fn: () => {
    assert.deepEqual(Object.keys(compose?.services ?? {}), ["key-a", "key-b", "a", "b"]);
    assert.deepEqual(Object.keys(compose?.volumes ?? {}), ["a", "b"]);
    for (const name of ["key-a", "key-b", "a", "b"]) {
      const one = service(name);
      assert.equal(one.read_only, true);
      assert.deepEqual(one.tmpfs, ["/tmp"]);
      assert.deepEqual(one.cap_drop, ["ALL"]);
      assert.deepEqual(one.security_opt, ["no-new-privileges:true"]);
      assert.equal(one.pull_policy, "never");
      assert.deepEqual(one.volumes, [`${name.at(-1)}:${image.volumes[0]}`]);
      const isNode = one.profiles === undefined;
      assert.equal(isNode, name.length === 1);
      if (isNode) assert.deepEqual(one.healthcheck.test, ["CMD", ...image.healthcheck]);
      else assert.equal(one.healthcheck.disable, true);
    }
  },
});

/** What compose makes of `${NAME:-default}` and `$$`. */
function filledIn(word: string, env: Readonly<Record<string, string>>): string {
  const filled = word.replace(
    /\$\$|\$\{(\w+):-(\w*)\}/g,
    (whole, name: string | undefined, otherwise: string) =>
      name === undefined ? whole.slice(1) : env[name] || otherwise,
  );
  assert.ok(!filled.includes("${"), `${word} needs more of compose than this knows`);
  return filled;
}

/** Starts a service, with these variables from `.env`. */
function startService(lab: Lab, name: string, env: Record<string, string>): Promise<Container> {
  const { command, entrypoint, environment = {}, volumes: [volume = ""] } = service(name);
  const variables = Object.entries(environment)
    .map(([key, value]) => [key, filledIn(value, env)] as const);
  return lab.start({
    volume: volume.split(":")[0] ?? "",
    host: name.at(-1) ?? "",
    command: command.map((word) => filledIn(word, env)),
    ...(entrypoint === undefined ? {} : { entrypoint }),
    env: Object.fromEntries(variables),
  });
}

await inContainers("of compose.yaml sends to the other one by name, and back", async (mode) => {
  await using lab = await openLab(mode, ["a", "b"]);
  const keys: Record<string, string> = {};
  const open = await (await startService(lab, "key-a", keys)).finished();
  assert.equal(open.code, 0, open.stderr);
  const careless = await (await startService(lab, "a", keys)).finished();
  assert.equal(careless.code, 1, "without the key of b the node must not let everybody in");
  assert.match(careless.stderr, /whitelist/);
  for (const node of ["a", "b"]) {
    const { code, stdout, stderr } = await (await startService(lab, `key-${node}`, keys))
      .finished();
    assert.equal(code, 0, stderr);
    keys[`PK_${node}`] = stdout;
  }
  assert.equal(keys["PK_a"], open.stdout, "the key of a stays");

  const a = await untilServing(await startService(lab, "a", keys));
  const b = await untilServing(await startService(lab, "b", keys));
  await b.running.waitForLog(`tcp-peer connected to ${keys["PK_a"]}@a:8800`);
  for (const node of [a, b]) {
    assert.equal((await node.exec(...image.healthcheck)).code, 0);
  }
  const forth = await b.exec("sh", "-c", documentedSend());
  assert.equal(forth.code, 0, forth.stderr);
  assert.match(forth.stdout, /^Acked by /);
  const back = await a.exec("sh", "-c", 'skychat send -t "$PK_b" -m "hello from a"');
  assert.equal(back.code, 0, back.stderr);
  for (const node of [a, b]) {
    const { stdout } = await node.exec("skychat", "history");
    assert.match(stdout, /hello from b\n.*hello from a$/);
  }
  const oneShot = ["send", "-c", "key.json", "--via", `tcp://${keys["PK_a"]}@a:8800`];
  const once = await lab.run({ volume: "b", host: "b", command: [...oneShot, "-m", "just once"] });
  assert.equal(once.code, 0, once.stderr);
  const stranger = ["send", "--via", `tcp://${keys["PK_a"]}@a:8800`, "--sk", "0f".repeat(32)];
  const refused = await b.exec("skychat", ...stranger, "-m", "let me in");
  assert.equal(refused.code, 1, "only the other node is let in");
  await stop(b);
  await stop(a);
}, { thing: compose });

/** The command that the head of the file and the documentation show. */
function documentedSend(): string {
  const command = /docker compose exec b sh -c '(.*)'$/m.exec(text)?.[1];
  assert.ok(command, "the file has lost its example");
  return command;
}

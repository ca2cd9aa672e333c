/** What the container tests share: both modes, the documented key command, health and stopping. */
import assert from "node:assert/strict";
import { mayBeLeftOut } from "#support/left_out.ts";
import { ROOT } from "#support/spawn.ts";
import manifest from "../../deno.json" with { type: "json" };
import { type Image, readImage } from "./container_file.ts";
import { type Container, Lab, type Mode, whyNoContainers } from "./container_lab.ts";

/** The image as the Dockerfile has it. */
export const image: Image = readImage(await Deno.readTextFile(`${ROOT}Dockerfile`));

/** Name of the volume of tests with one node. */
export const VOLUME = "state";

const EXECUTABLE = `${ROOT}dist/skychat-${manifest.version}-${Deno.build.target}`;
/** An engine kills what has not stopped after ten seconds; the node promises two. */
const STOP_LIMIT_MS = 3_000;

/** A test in both modes, left out where the machine does not allow one. */
export async function inContainers(
  name: string,
  fn: (mode: Mode) => Promise<void>,
  needs: { readonly thing?: unknown } = { thing: true },
): Promise<void> {
  for (const mode of ["rootless", "rootful"] as const) {
    const reason = await whyNoContainers(mode) ?? (needs.thing ? undefined : "no PyYAML");
    Deno.test({
      name: `${mode} container ${name}` + (reason ? ` (not run: ${reason})` : ""),
      ignore: mayBeLeftOut(reason === undefined),
      fn: () => fn(mode),
    });
  }
}

/** Namespaces with the tree of the image. */
export function openLab(mode: Mode, hosts?: readonly string[]): Promise<Lab> {
  const built = {
    "/out/skychat": EXECUTABLE,
    "/out/copyright": `${ROOT}packaging/debian/copyright`,
  };
  return Lab.open(mode, { image, built, ...(hosts === undefined ? {} : { hosts }) });
}

/** Makes the key as the documentation says, and returns the public half. */
export async function makeKey(lab: Lab): Promise<string> {
  const page = await Deno.readTextFile(`${ROOT}docs/CONTAINER.md`);
  const command = /<!-- key:begin -->.*?--entrypoint sh skychat -ceu '(.*?)'\n/s.exec(page)?.[1];
  assert.ok(command, "the documentation has lost its key command");
  const made = await lab.run({ volume: VOLUME, entrypoint: ["sh"], command: ["-ceu", command] });
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /^0[23][0-9a-f]{64}$/);
  return made.stdout;
}

/** The same container, once its node serves. */
export async function untilServing(container: Container): Promise<Container> {
  await container.running.waitForLog("Serving HTTP on ");
  return container;
}

/** Stops it with the image's signal, as `docker stop` does, and checks that it went in order. */
export async function stop(container: Container): Promise<void> {
  const start = performance.now();
  assert.match(image.stopSignal, /^SIG(TERM|INT)$/);
  await container.signal(image.stopSignal as Deno.Signal);
  const { code, stderr } = await container.finished();
  assert.equal(code, 0, stderr);
  assert.ok(performance.now() - start < STOP_LIMIT_MS, "it stops within its limit");
}

/** The exit code of the health check. */
export async function healthOf(container: Container): Promise<number> {
  return (await container.exec(...image.healthcheck)).code;
}

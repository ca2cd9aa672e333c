import assert from "node:assert/strict";
import { mayBeLeftOut } from "#support/left_out.ts";
import { entrySource } from "../../scripts/artifact_bundle.ts";
import {
  findNamespaces,
  pathOutside,
  Place,
  placesToHide,
} from "../../scripts/artifact_confine.ts";
import { surroundingProblems, type Surroundings } from "../../scripts/artifact_surroundings.ts";
import { ROOT } from "../../scripts/source_files.ts";
import { runChild } from "../../scripts/terminal.ts";

const HEADINGS = "Iface\tDestination\tGateway\tFlags\n";
const LOOPBACK_V6 = `${"0".repeat(31)}1 80 ${
  "0".repeat(32)
} 00 00000000 00000002 00 80200001       lo\n`;

/** The problems of a folder with an empty `home`, `bin` and `sources`, after something was changed. */
async function problemsOf(
  change: (folder: string) => Promise<Partial<Surroundings> | void>,
): Promise<string[]> {
  const folder = await Deno.makeTempDir({ prefix: "skychat-surroundings-" });
  try {
    for (const name of ["home", "bin", "sources"]) await Deno.mkdir(`${folder}/${name}`);
    const bare: Surroundings = {
      path: `${folder}/no-such-folder:${folder}/bin`,
      home: `${folder}/home`,
      hidden: [`${folder}/sources`, `${folder}/no-such-folder`],
      routes: { v4: HEADINGS, v6: LOOPBACK_V6 },
    };
    const problems = await surroundingProblems({ ...bare, ...await change(folder) });
    return problems.map((problem) => problem.replaceAll(folder, ""));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("where there is nothing there is no problem", async () => {
  assert.deepEqual(await problemsOf(() => Promise.resolve()), []);
  const notToRun = await problemsOf((folder) => Deno.writeTextFile(`${folder}/bin/deno`, "x"));
  assert.deepEqual(notToRun, [], "a file that cannot be run is no program");
});

Deno.test("a Deno, a Node or an npm in PATH is seen", async () => {
  for (const name of ["deno", "node", "npm", "npx"]) {
    const problems = await problemsOf((folder) =>
      Deno.writeTextFile(`${folder}/bin/${name}`, "x", { mode: 0o755 })
    );
    assert.deepEqual(problems, [`PATH has /bin/${name}`]);
  }
});

Deno.test("sources and caches that can be read are seen, whole folders and single files", async () => {
  const inside = await problemsOf((folder) => Deno.mkdir(`${folder}/sources/lib`));
  assert.deepEqual(inside, ["/sources can be read"]);
  const file = await problemsOf(async (folder) => {
    await Deno.writeTextFile(`${folder}/main.ts`, "code");
    return { hidden: [`${folder}/main.ts`, "/dev/null"] };
  });
  assert.deepEqual(file, ["/main.ts can be read"]);
});

Deno.test("a HOME that holds something or is no folder is seen", async () => {
  const full = await problemsOf((folder) => Deno.writeTextFile(`${folder}/home/.npmrc`, ""));
  assert.deepEqual(full, ["HOME (/home) is not an empty folder"]);
  const none = await problemsOf(() => Promise.resolve({ home: "" }));
  assert.deepEqual(none, ["HOME () is not an empty folder"]);
});

Deno.test("a route to anywhere but loopback is seen, for both versions of IP", async () => {
  const v4 = `${HEADINGS}eth0\t00000000\t0102000A\t0003\nlo\t0000007F\t00000000\t0001\n`;
  const v6 = `${LOOPBACK_V6}${LOOPBACK_V6.replace(/lo$/m, "wlan0")}`;
  const problems = await problemsOf(() => Promise.resolve({ routes: { v4, v6 } }));
  assert.deepEqual(problems, ["a route leads to eth0", "a route leads to wlan0"]);
});

Deno.test("pathOutside leaves out the hidden folders and what is below them", () => {
  const path = "/home/me/bin:/usr/bin:/home/me:/home/melissa/bin:/bin";
  assert.equal(pathOutside(["/home/me", "/tmp"], path), "/usr/bin:/home/melissa/bin:/bin");
});

Deno.test("the sources, the Deno that runs them and HOME are to be hidden", async () => {
  const hidden = await placesToHide();
  const home = Deno.env.get("HOME") ?? "/";
  for (
    const path of [ROOT.replace(/\/$/, ""), Deno.execPath(), "/tmp", ...home === "/" ? [] : [home]]
  ) {
    assert.ok(hidden.includes(path), path);
  }
  assert.ok(!hidden.includes("/") && !hidden.includes(""));
});

const flags = await findNamespaces();
const ignore = mayBeLeftOut(flags !== undefined);

Deno.test({
  name: "in the place there is nothing but the given files, and loopback works" +
    (ignore ? " (not run: no namespaces here)" : ""),
  ignore,
  fn: async () => {
    await using place = await Place.make();
    const looks = `import assert from "node:assert/strict";
Deno.test("looks", async () => {
  await assert.rejects(Deno.stat(${JSON.stringify(`${ROOT}deno.json`)}), Deno.errors.NotFound);
  await assert.rejects(Deno.connect({ hostname: "192.0.2.1", port: 9 }), /unreachable/i);
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  (await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port })).close();
  server.close();
});`;
    const hidden = await placesToHide();
    const path = pathOutside(hidden);
    await Deno.writeTextFile(`${place.folder}/tmp/looks_test.ts`, looks);
    const entry = `${place.folder}/tmp/main.ts`;
    // A Deno and one module stand for the executable, which is not built here; and a Deno, unlike that,
    // adds a `node` of its own to PATH.
    const source = entrySource([`${place.folder}/tmp/looks_test.ts`], { source: true });
    await Deno.writeTextFile(entry, `Deno.env.set("PATH", ${JSON.stringify(path)});\n${source}`);
    const bundled = await runChild(Deno.execPath(), [
      "bundle",
      "-q",
      "--config",
      `${ROOT}deno.json`,
      "-o",
      `${place.folder}/tmp/main.js`,
      entry,
    ]);
    assert.ok(bundled.ok, bundled.output);
    const deno = await place.put("deno", Deno.execPath());
    const module = await place.put("main.js", `${place.folder}/tmp/main.js`);
    const looking = hidden.map((path) => `--hidden=${path}`);
    const command = [deno, "run", "-A", "--no-config", module, ...looking];
    const { cmd, args } = place.confined(flags ?? [], hidden, command);
    const env = { ...place.environment(path), DENO_DIR: `${place.folder}/tmp/deno` };
    const { ok, output } = await runChild(cmd, args, { env });
    assert.ok(ok, output);
    assert.match(output, /^nothing but the built files: .*\n[^]*\n1 passed, 0 failed\n$/);
  },
});

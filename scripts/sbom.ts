/** The parts list of a release, as CycloneDX 1.6 JSON: what is inside the executables, from where. */
import { filesBelow, ROOT } from "./source_files.ts";
import { sha256, VERSION } from "./release_files.ts";

/** One part, in the words of CycloneDX. */
export interface Component {
  readonly type: "application" | "library" | "platform";
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly purl?: string;
  readonly licenses?: readonly { readonly license: { readonly id: string } }[];
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly description?: string;
}

/** An npm package that the bundler put into the bundle. */
interface Bundled {
  readonly name: string;
  readonly version: string;
}

/** What we read of deno.lock. */
interface Lock {
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
}

const DEPENDENCIES = `${ROOT}docs/DEPENDENCIES.md`;

/**
 * Lists what is inside executables made from a bundle with a runtime of this version. It has no date
 * and no random number: the same release gives the same list.
 *
 * @throws {Error} when the bundle holds what docs/DEPENDENCIES.md does not name
 */
export async function sbom(bundle: string, runtime: string): Promise<string> {
  const page = await Deno.readTextFile(DEPENDENCIES);
  const lock: Lock = JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`));
  const parts = [
    denoComponent(runtime),
    ...bundledPackages(await codeOf(bundle)).map((part) => npmComponent(part, page, lock)),
    ...await wasmComponents(page),
  ];
  const product: Component = {
    ...{ type: "application", "bom-ref": `skychat@${VERSION}`, name: "skychat", version: VERSION },
    licenses: licence("MIT"),
  };
  const list = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: product },
    components: parts,
    dependencies: [
      { ref: product["bom-ref"], dependsOn: parts.map((part) => part["bom-ref"]) },
    ],
  };
  return `${JSON.stringify(list, undefined, 2)}\n`;
}

/** The packages whose files the bundler names in its comments, sorted. */
export function bundledPackages(code: string): Bundled[] {
  const found = new Map<string, Bundled>();
  for (const [, name = "", version = ""] of code.matchAll(PACKAGE_PATH)) {
    found.set(`${name}@${version}`, { name, version });
  }
  return [...found].sort(([one], [other]) => one < other ? -1 : 1).map(([, part]) => part);
}

const PACKAGE_PATH = /\bnpm:((?:@[\w.-]+\/)?[\w.-]+)\/(\d[\w.+-]*)\//g;

async function codeOf(bundle: string): Promise<string> {
  const names = filesBelow("", bundle).filter((name) => name.endsWith(".js"));
  return (await Promise.all(names.map((name) => Deno.readTextFile(`${bundle}/${name}`)))).join("");
}

function npmComponent({ name, version }: Bundled, page: string, lock: Lock): Component {
  const row = new RegExp(
    `^\\| \`${RegExp.escape(name)}\` +\\| \`${RegExp.escape(version)}\`.*`,
    "m",
  );
  const cells = row.exec(page)?.[0].split("|").map((cell) => cell.trim());
  if (cells === undefined) {
    throw new Error(`Cannot list ${name} ${version}: docs/DEPENDENCIES.md has no row for it`);
  }
  const integrity = lock.npm[`${name}@${version}`]?.integrity;
  return {
    ...{ type: "library", "bom-ref": `${name}@${version}`, name, version },
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    licenses: licence(cells[5] ?? ""),
    ...(integrity === undefined ? {} : { hashes: [sha512(integrity)] }),
  };
}

/** The native libraries that are embedded as WebAssembly, from the second table of the page. */
async function wasmComponents(page: string): Promise<Component[]> {
  const rows = page.matchAll(
    /^\| `(\w+\.base64)` +\| (.*?), from `([^`]+)` (\d[\d.]*) +\|[^|]*\| (\S+) /gm,
  );
  const parts: Component[] = [];
  for (const [, file = "", description = "", name = "", version = "", id = ""] of rows) {
    const text = await Deno.readTextFile(`${ROOT}lib/crypto/wasm/${file}`);
    const module = Uint8Array.fromBase64(text.trim());
    parts.push({
      ...{ type: "library", "bom-ref": `${name}@${version}`, name, version, description },
      purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
      licenses: licence(id),
      hashes: [{ alg: "SHA-256", content: await sha256(module) }],
    });
  }
  return parts;
}

function denoComponent(version: string): Component {
  return {
    ...{ type: "platform", "bom-ref": `deno@${version}`, name: "deno", version },
    description: "the runtime inside the executable, with V8 and its other parts",
    purl: `pkg:github/denoland/deno@v${version}`,
    licenses: licence("MIT"),
  };
}

/** An integrity of the lock, `sha512-` and base64, in hex. */
function sha512(integrity: string): { alg: string; content: string } {
  return { alg: "SHA-512", content: Uint8Array.fromBase64(integrity.slice(7)).toHex() };
}

function licence(id: string): readonly [{ readonly license: { readonly id: string } }] {
  return [{ license: { id } }];
}

/** The file tree that the image would have: its base as this machine can tell it, and what is copied. */
import type { Image } from "./container_file.ts";

/** Programs of the base that the documented commands use. */
const BASE_PROGRAMS = ["sh", "cat", "cut", "sed"];

/** What a tree is made of. */
export interface TreePlan {
  readonly image: Image;
  /** Where it is made. */
  readonly root: string;
  /** What the build stage leaves under this path. */
  readonly built: Readonly<Record<string, string>>;
  /** Whether files can be given to other users. */
  readonly mayChown: boolean;
}

/** Makes the tree, with the shared libraries of this machine in place of those of the base. */
export async function makeTree({ image, root, built, mayChown }: TreePlan): Promise<void> {
  for (const folder of ["bin", "sbin", "lib", "lib64", "local/bin"]) {
    await Deno.mkdir(`${root}/usr/${folder}`, { recursive: true });
  }
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    await Deno.symlink(`usr/${name}`, `${root}/${name}`);
  }
  for (const name of ["dev", "etc", "proc", "tmp", "var/lib"]) {
    await Deno.mkdir(`${root}/${name}`, { recursive: true });
  }
  for (const [name, text] of Object.entries(ETC)) {
    await Deno.writeTextFile(`${root}/etc/${name}`, text);
  }
  for (const name of BASE_PROGRAMS) {
    const path = await which(name);
    await copyProgram(root, { from: path, to: `/usr/bin/${name}` });
  }
  for (const { from, to } of image.copies) {
    const made = built[from];
    if (made === undefined) throw new Error(`Cannot tell what the build stage leaves in ${from}`);
    await copyProgram(root, { from: made, to });
  }
  for (const { path, uid, gid, mode } of image.folders) {
    await Deno.mkdir(`${root}${path}`, { recursive: true });
    await Deno.chmod(`${root}${path}`, mode);
    if (mayChown) await Deno.chown(`${root}${path}`, uid, gid);
  }
}

/** As Debian's base has them; `hosts` is what an engine mounts over. */
const ETC: Readonly<Record<string, string>> = {
  passwd: "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
  group: "root:x:0:\nnogroup:x:65534:\n",
  "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
  hosts: "",
};

async function copyProgram(
  root: string,
  { from, to }: { from: string; to: string },
): Promise<void> {
  await copy(from, `${root}${to}`);
  const listed = await new Deno.Command("ldd", { args: [from], env: { LC_ALL: "C" } }).output();
  const text = new TextDecoder().decode(listed.stdout);
  if (/not found/.test(text)) throw new Error(`Cannot find every library of ${from}:\n${text}`);
  // `name => /path (address)`, and the loader without the arrow.
  for (const [, path = ""] of text.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)) {
    await copy(path, `${root}${path}`);
  }
}

async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
  await Deno.copyFile(from, to);
}

/** The path of a program, or an error that names it. */
async function which(name: string): Promise<string> {
  const path = await findProgram(name);
  if (path === undefined) throw new Error(`Cannot find the program ${name}`);
  return path;
}

/** The path of a program, if it is installed. */
export async function findProgram(name: string): Promise<string | undefined> {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  for (const folder of ["/usr/bin", ...folders, "/usr/sbin", "/sbin"]) {
    try {
      if ((await Deno.stat(`${folder}/${name}`)).isFile) return `${folder}/${name}`;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}

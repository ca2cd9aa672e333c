/** What is in the Debian package: every file with its mode, and the files of `DEBIAN/`. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { COMMANDS } from "../cli/command_table.ts";
import { bashScript } from "../cli/completion_bash.ts";
import { fishScript } from "../cli/completion_fish.ts";
import { completionModel } from "../cli/completion_model.ts";
import { zshScript } from "../cli/completion_zsh.ts";
import { manPage } from "./man_page.ts";
import { ROOT } from "./source_files.ts";

/** One file: where it is unpacked, without the leading slash, and what it holds. */
export interface PackedFile {
  readonly path: string;
  readonly mode: number;
  readonly bytes: Uint8Array;
}

/** What differs from one package to the next. */
export interface PackageFacts {
  /** As Debian writes it. */
  readonly version: string;
  /** As Debian names it: `amd64`, `arm64`. */
  readonly architecture: string;
  /** What the changelog and the man page are dated. */
  readonly date: Date;
  /** Path of the executable. */
  readonly executable: string;
}

/** Mode of every folder, whatever the umask of the builder is. */
export const FOLDER_MODE = 0o755;

const PACKAGING = `${ROOT}packaging/debian/`;

/** Scripts that dpkg runs. */
const MAINTAINER_SCRIPTS: readonly string[] = ["postinst", "prerm", "postrm"];

/** The files that the package installs. */
export async function installedFiles(facts: PackageFacts): Promise<PackedFile[]> {
  const doc = "usr/share/doc/skychat";
  const model = completionModel(COMMANDS);
  const page = manPage({ version: facts.version, date: facts.date });
  return [
    { path: "usr/bin/skychat", mode: 0o755, bytes: await Deno.readFile(facts.executable) },
    await copied("usr/libexec/skychat/make-key", "make-key", 0o755),
    await copied("usr/lib/systemd/system/skychat.service", "skychat.service"),
    await copied("etc/skychat/skychat.conf", "skychat.conf"),
    await copied("usr/share/lintian/overrides/skychat", "lintian-overrides"),
    await copied(`${doc}/copyright`, "copyright"),
    text(`${doc}/README.Debian`, await Deno.readTextFile(`${ROOT}docs/DEBIAN.md`)),
    packed(`${doc}/changelog.Debian.gz`, changelog(facts)),
    packed("usr/share/man/man1/skychat.1.gz", page),
    text("usr/share/bash-completion/completions/skychat", bashScript(model)),
    text("usr/share/zsh/vendor-completions/_skychat", zshScript(model)),
    text("usr/share/fish/vendor_completions.d/skychat.fish", fishScript(model)),
  ];
}

/** The files of `DEBIAN/` for a package that installs `files`. */
export async function controlFiles(
  files: readonly PackedFile[],
  { version, architecture }: PackageFacts,
): Promise<PackedFile[]> {
  const kib = files.reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / 1024), 0);
  const control = (await Deno.readTextFile(`${PACKAGING}control`))
    .replace("@VERSION@", version)
    .replace("@ARCHITECTURE@", architecture)
    .replace("@INSTALLED_SIZE@", String(kib));
  const conffiles = files.map(({ path }) => path).filter((path) => path.startsWith("etc/"));
  const sums = files.filter(({ path }) => !conffiles.includes(path)).map(({ path, bytes }) =>
    `${createHash("md5").update(bytes).digest("hex")}  ${path}\n`
  );
  const scripts = MAINTAINER_SCRIPTS.map((name) => copied(name, name, 0o755));
  return [
    text("control", control),
    text("conffiles", conffiles.map((path) => `/${path}\n`).join("")),
    text("md5sums", sums.join("")),
    ...await Promise.all(scripts),
  ];
}

/** What Debian's tools read of a version's history; what changed for users is in CHANGELOG.md. */
function changelog({ version, date }: PackageFacts): string {
  const day = date.toUTCString().replace("GMT", "+0000");
  return `skychat (${version}) unstable; urgency=medium

  * Version ${version}; CHANGELOG.md of the source says what is new in it.

 -- The skychat authors <nobody@skychat.invalid>  ${day}
`;
}

async function copied(path: string, source: string, mode = 0o644): Promise<PackedFile> {
  return { path, mode, bytes: await Deno.readFile(PACKAGING + source) };
}

function text(path: string, content: string): PackedFile {
  return { path, mode: 0o644, bytes: new TextEncoder().encode(content) };
}

function packed(path: string, content: string): PackedFile {
  return { path, mode: 0o644, bytes: gzipSync(content, { level: 9 }) };
}

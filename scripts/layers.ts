/**
 * Who may import whom, and who may touch what. `lint_layers.ts` enforces this table; change the
 * table first when the architecture really changes, and say why in docs/decisions/.
 */

/** Folder -> folders it may import. A folder that is not listed here may not hold product code. */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  "lib/kit": [],
  "lib/files": ["lib/kit"],
  "lib/crypto": ["lib/kit"],
  "lib/noise": ["lib/kit", "lib/crypto"],
  "lib/session": ["lib/kit", "lib/crypto", "lib/noise"],
  "lib/net": ["lib/kit", "lib/crypto", "lib/noise", "lib/session"],
  "lib/events": ["lib/kit"],
  "lib/store": ["lib/kit", "lib/events"],
  "lib/chat": ["lib/kit", "lib/crypto", "lib/session", "lib/net", "lib/events"],
  "lib/cxo": ["lib/kit", "lib/crypto", "lib/noise", "lib/session", "lib/net"],
  "lib/group": ["lib/kit", "lib/files", "lib/crypto", "lib/net", "lib/events", "lib/cxo"],
  "lib/visor": ["lib/kit", "lib/crypto", "lib/net", "lib/session"],
  "lib/contacts": ["lib/kit", "lib/files"],
  "lib/metrics": ["lib/kit"],
  "lib/http": ["lib/kit", "lib/crypto", "lib/events"],
  "lib/app": [
    "lib/kit",
    "lib/files",
    "lib/crypto",
    "lib/noise",
    "lib/session",
    "lib/net",
    "lib/events",
    "lib/store",
    "lib/chat",
    "lib/cxo",
    "lib/group",
    "lib/visor",
    "lib/contacts",
    "lib/metrics",
    "lib/http",
  ],
  "cli": [
    "lib/kit",
    "lib/crypto",
    "lib/session",
    "lib/net",
    "lib/events",
    "lib/store",
    "lib/chat",
    "lib/http",
    "lib/app",
  ],
  "main.ts": ["cli"],
};

/** File outside every layer -> the only product file that may import it. */
export const MANIFEST_READERS: Readonly<Record<string, string>> = {
  "deno.json": "lib/app/version.ts",
};

/** Package or platform module (a trailing `/` means everything below) -> who may import it. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "@noble/": ["lib/crypto"],
  "commander": ["cli"],
  "hono": ["lib/http"],
  "valibot": ["lib/http", "lib/app"],
};

/** One thing that only some places may touch. */
export interface Restriction {
  /** Dotted names as they stand in the source; `Deno` alone means every use of it. */
  readonly names: readonly string[];
  /** Folders and files where it is fine. */
  readonly allowed: readonly string[];
  /** What to do instead. */
  readonly instead: string;
}

/** What is restricted inside `lib/`, `cli/` and `main.ts`. */
export const RESTRICTIONS: readonly Restriction[] = [
  {
    names: ["Deno"],
    allowed: [
      "lib/net",
      "lib/http/listener.ts",
      "lib/store",
      "lib/files/deno_files.ts",
      "lib/app",
      "cli",
      "main.ts",
    ],
    instead: "this layer does no I/O: take what it needs as a parameter",
  },
  {
    names: [
      "Deno.connect",
      "Deno.connectTls",
      "Deno.listen",
      "Deno.listenTls",
      "Deno.listenDatagram",
      "Deno.serve",
    ],
    allowed: ["lib/net/deno_tcp.ts", "lib/http/listener.ts"],
    instead: "use the Network of #net, or the listener of #http",
  },
  {
    names: ["Deno.env", "Deno.args", "Deno.exit", "Deno.exitCode", "Deno.stdin"],
    allowed: ["cli", "main.ts"],
    instead: "take it as a parameter: only cli/ and main.ts know the process",
  },
  {
    names: ["console", "Deno.stdout", "Deno.stderr"],
    allowed: ["cli/output.ts"],
    instead: "log through the Log of #kit; print through cli/output.ts",
  },
  {
    names: [
      "setTimeout",
      "setInterval",
      "setImmediate",
      "clearTimeout",
      "clearInterval",
      "clearImmediate",
      "AbortSignal.timeout",
      "Date.now",
      "performance.now",
    ],
    allowed: ["lib/kit"],
    instead: "take a Clock of #kit, so that tests can move time by hand",
  },
  {
    names: ["AbortSignal.any"],
    allowed: [],
    instead: "use withAbort of #kit: Deno 2.6 forgets such a signal while somebody listens to it",
  },
  {
    names: ["crypto.getRandomValues", "crypto.randomUUID", "Math.random"],
    allowed: ["lib/kit"],
    instead: "take a Random of #kit, so that tests can choose the bytes",
  },
  {
    names: ["crypto.subtle"],
    allowed: ["lib/crypto"],
    instead: "use #crypto: it is the only place that sees a crypto library",
  },
];

/** Longest source file, in lines. A longer one does two things. */
export const MAX_FILE_LINES = 350;

/** Longest function, in lines. */
export const MAX_FUNCTION_LINES = 60;

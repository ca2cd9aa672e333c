/** Values of the flags that decide about embedded mode, under their long names (cli.md 2). */
export interface VisorFlags {
  /** `--standalone`: run without a visor. */
  readonly standalone: boolean;
  /** `--skynet`: use it, with a visor. */
  readonly skynet: boolean;
  /** `--dmsg`: the same. */
  readonly dmsg: boolean;
  /** `--port`: the port of chat on the mesh; 0 = what the visor says. */
  readonly port: number;
  /** `--portless`: dial peers through a visor, and listen nowhere on the mesh. */
  readonly portless: boolean;
  /** `--persist-db`; empty = nobody named a path. */
  readonly "persist-db": string;
  /** `--group-dir`; the same. */
  readonly "group-dir": string;
}

/** Embedded mode (visor.md). */
export interface VisorConfig {
  /** Value of `PROC_CONFIG`. A secret: never logged. */
  readonly procConfig: string;
  /** Networks that are not switched off. */
  readonly networks: readonly ("skynet" | "dmsg")[];
  /** `--port`: the port of chat on the mesh; 0 = the one that the visor assigned. */
  readonly port: number;
  /** `--portless`: peers are dialled, and nothing listens. */
  readonly portless: boolean;
  /** Paths that nobody named: what is there goes into the folder that the visor chose. */
  readonly freePaths: { readonly history: boolean; readonly groups: boolean };
}

/** A variable that is set counts, whatever it is set to (visor.md 1.1). */
export function visorOf(
  flags: VisorFlags,
  { PROC_CONFIG }: Readonly<Record<string, string | undefined>>,
): VisorConfig | undefined {
  if (flags.standalone || PROC_CONFIG === undefined) return undefined;
  const { port, portless } = flags;
  const networks = (["skynet", "dmsg"] as const).filter((name) => flags[name]);
  const freePaths = { history: flags["persist-db"] === "", groups: flags["group-dir"] === "" };
  return { procConfig: PROC_CONFIG, networks, port, portless, freePaths };
}

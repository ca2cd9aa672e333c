import { DATA_FOLDER } from "./data_folder.ts";

/** Values of the flags that decide about a group, under their long names (cli.md 2). */
export interface GroupFlags {
  /** `--cxo-listen`: where the own feed is served. */
  readonly "cxo-listen": string;
  /** `--cxo-peer`, once per feed to follow. */
  readonly "cxo-peer": readonly string[];
  /** `--cxo-group`: id of the group to take part in; empty = none. */
  readonly "cxo-group": string;
  /** `--cxo-group-owner`: key of its owner. */
  readonly "cxo-group-owner": string;
  /** `--cxo-group-governance`: `all`, else it is the owner's. */
  readonly "cxo-group-governance": string;
  /** `--cxo-group-mode`; empty = as recorded, else public. */
  readonly "cxo-group-mode": string;
  /** `--cxo-advertise`: where members reach `--cxo-listen`; empty = not known. */
  readonly "cxo-advertise": string;
  /** `--group-dir`: folder of the groups' records. */
  readonly "group-dir": string;
  /** `--join`: an invite link; empty = none. */
  readonly join: string;
}

/** The flags of a federated group (groups.md 1.3). The group's own layer checks what they say. */
export interface GroupConfig {
  /** Value of `--cxo-group`; empty with `--join`, whose link names the group. */
  readonly id: string;
  /** Key of the owner, as written; empty with `--join`. */
  readonly owner: string;
  /** Invite link of `--join` (groups.md 5.1), as written; empty = none. */
  readonly join: string;
  /** Where members reach this node, as written; empty = nowhere. */
  readonly listen: string;
  /** Specs `tcp://<pk>@<host>:<port>` of the other members, as written. */
  readonly peers: readonly string[];
  /** Whose governance counts: that of the owner and whom it promoted, or that of every member. */
  readonly governance: GroupGovernance;
  /** Whether bodies are encrypted; empty = as recorded, else public. */
  readonly mode: "public" | "private" | "";
  /** `host:port` for invites, as written; empty = not known. */
  readonly advertise: string;
  /** Folder of the groups' records. */
  readonly folder: string;
}

/** `all` is the rule of the deployed system (groups.md 1.3). */
export type GroupGovernance = "owner" | "all";

/** What a group gets from the flags of the node, whenever it begins. */
export type GroupDefaults = Pick<GroupConfig, "listen" | "advertise" | "folder" | "governance">;

/** Folder of the groups' records when nobody names one. */
export const GROUP_FOLDER = `${DATA_FOLDER}/groups`;

/** `--cxo-group` needs no `--cxo` (groups.md 1.3). */
export function groupOf(flags: GroupFlags): GroupConfig | undefined {
  if (flags["cxo-group"] === "" && flags.join === "") return undefined;
  const joins = flags.join !== "";
  return {
    ...groupDefaultsOf(flags),
    id: flags["cxo-group"],
    owner: joins ? "" : flags["cxo-group-owner"],
    join: flags.join,
    peers: flags["cxo-peer"],
    mode: joins ? "" : modeOf(flags["cxo-group-mode"]),
  };
}

/** What of the flags every group of this node has. */
export function groupDefaultsOf(flags: GroupFlags): GroupDefaults {
  return {
    listen: flags["cxo-listen"],
    advertise: flags["cxo-advertise"],
    folder: flags["group-dir"] || GROUP_FOLDER,
    governance: flags["cxo-group-governance"] === "all" ? "all" : "owner",
  };
}

function modeOf(word: string): GroupConfig["mode"] {
  return word === "public" || word === "private" ? word : "";
}

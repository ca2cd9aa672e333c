import type { GroupInvite } from "#group";
import {
  type AppConfig,
  DEFAULT_ADDRESS,
  DEFAULT_HISTORY_PATH,
  GROUP_FOLDER,
  type GroupConfig,
  type GroupGovernance,
} from "./config.ts";
import type { IdentitySource } from "./identity.ts";

/** How this node was started, as far as it has to be started so again. */
export interface NodeLine {
  /** A visor starts it, with what follows the name of the program as its arguments. */
  readonly embedded: boolean;
  readonly identitySource: IdentitySource;
  /** `--addr`, as written. */
  readonly addr: string;
  readonly configPath: string | undefined;
  /** Where a key is kept that nobody gave. */
  readonly keptPath: string;
  /** Path of the history, the default one where nobody named one; undefined without `--persist`. */
  readonly historyPath: string | undefined;
  /** `--group-dir`. */
  readonly folder: string;
  readonly governance: GroupGovernance;
  /** `--cxo-listen`, as written. */
  readonly listen: string;
  /** `--cxo-advertise`, as written; empty where it was not given. */
  readonly advertise: string;
}

/**
 * Where a key is kept that was made for a link: one for each group, since what is signed in a group does not name
 * it (groups.md 10, item 4). Undefined for a text that is no link.
 */
export async function keptIdentityPath(
  { folder, join }: Pick<GroupConfig, "folder" | "join">,
): Promise<string | undefined> {
  const { groupFolderName, InviteError, parseInvite } = await import("#group");
  try {
    return `${folder}/${groupFolderName(parseInvite(join).id)}/identity.json`;
  } catch (error) {
    if (error instanceof InviteError) return undefined;
    throw error;
  }
}

/** What of a configuration {@link NodeLine} needs. */
export function nodeLineOf(
  config: AppConfig,
  { identitySource, keptPath = "" }: {
    identitySource: IdentitySource;
    keptPath?: string | undefined;
  },
): NodeLine {
  const { addr, configPath, groupDefaults: { advertise, folder, governance, listen } } = config;
  const { history, visor } = config;
  return {
    ...{ addr, identitySource, configPath, advertise, governance, listen, keptPath },
    embedded: visor !== undefined,
    // The visor says the folder of both at each start.
    folder: visor?.freePaths.groups ? GROUP_FOLDER : folder,
    historyPath: history && (visor?.freePaths.history ? DEFAULT_HISTORY_PATH : history.path),
  };
}

/**
 * The command line that starts the node of the owner of a group.
 *
 * @param listening address that was really bound: a port of the system's choice is kept
 */
export function ownerLine(
  { id, listening, mode, owner }: Pick<GroupInvite, "id" | "mode" | "owner"> & {
    readonly listening: string;
  },
  line: NodeLine,
): string {
  const { advertise, folder, governance, historyPath } = line;
  const listen = /:0*$/.test(line.listen) ? listening : line.listen;
  return [
    line.embedded ? "skychat app" : "skychat app --standalone",
    ...line.addr === DEFAULT_ADDRESS ? [] : [`--addr ${shellWord(line.addr)}`],
    `--cxo-group ${shellWord(id)} --cxo-group-owner ${owner}`,
    ...mode === "private" ? ["--cxo-group-mode private"] : [],
    ...governance === "all" ? ["--cxo-group-governance all"] : [],
    `--cxo-listen ${shellWord(listen)}`,
    ...advertise === "" ? [] : [`--cxo-advertise ${shellWord(advertise)}`],
    ...folder === GROUP_FOLDER ? [] : [`--group-dir ${shellWord(folder)}`],
    ...historyPath === undefined ? [] : ["--persist"],
    ...historyPath === undefined || historyPath === DEFAULT_HISTORY_PATH
      ? []
      : [`--persist-db ${shellWord(historyPath)}`],
    identityFlag(line),
  ].filter((part) => part !== "").join(" ");
}

/** The one that starts the node of a member: the link has all the rest. */
export function memberLine(link: string): string {
  return `skychat app --standalone --join ${shellWord(link)}`;
}

/**
 * Where members reach this node, `host:port`: as somebody said, else where it listens, unless that is every
 * interface of this machine; undefined when nobody knows.
 */
export function reachableAt(
  { address, advertise, listen }: {
    address?: string | undefined;
    advertise: string;
    listen: string;
  },
): string | undefined {
  if (address) return address;
  if (advertise !== "") return advertise;
  const host = listen.slice(0, listen.lastIndexOf(":"));
  const isEverywhere = host === "" || /^(0\.0\.0\.0|\[::\]|::|\*)$/.test(host);
  return isEverywhere ? undefined : listen;
}

function identityFlag(line: NodeLine): string {
  switch (line.identitySource) {
    case "config":
      return `-c ${shellWord(line.configPath ?? "")}`;
    case "kept":
      return `-c ${shellWord(line.keptPath)}`;
    case "env":
      // The variable is as good as a flag.
      return "";
    case "flag":
      return '--sk "$SECRET_KEY"';
    default:
      return "-c KEY_FILE";
  }
}

/** A word as a shell takes it for one. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

import type { Files } from "#files";
import { errorText, type Log, quoteForLog, utf8 } from "#kit";
import { decodeGroupRecord, encodeGroupRecord, type GroupRecordFile } from "./group_record.ts";
import { RecordError } from "./record_reader.ts";
import { SeenLog } from "./seen_log.ts";

/** Most bytes of a `record.json` (ours): a group with all the registers it may have needs 9 MB. */
export const MAX_RECORD_BYTES = 16_777_216;
/** Most groups that a folder is searched for (ours). */
export const MAX_GROUP_FOLDERS = 1_000;

/** Where the folder of a group is, and who is told when it cannot be used. */
export interface GroupFolderOptions {
  /** The folder of all groups: `--group-dir`. */
  readonly folder: string;
  /** Of the group, as it was given; not empty. */
  readonly id: string;
  readonly files: Files;
  readonly log: Log;
}

/**
 * What a node keeps of one group on disk: `record.json`, replaced as a whole, and `seen.log`
 * (groups.md 7.3). Nothing here rejects: a disk that refuses is logged, and the group goes on in
 * memory. A file that cannot be used is left as it is.
 */
export class GroupFolder {
  /** What was kept when it was opened; undefined where nothing was, or nothing that can be used. */
  readonly record: GroupRecordFile | undefined;
  /** Whether there is a record that cannot be used: whom it put out is not known. */
  readonly damaged: boolean;
  readonly #options: GroupFolderOptions;
  readonly #path: string;
  readonly #seen: SeenLog;
  #text: string | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting: { record: GroupRecordFile; readonly result: Promise<boolean> } | undefined;
  #failed = false;

  private constructor(
    options: GroupFolderOptions,
    { record, seen }: { record: GroupRecordFile | "damaged" | undefined; seen: SeenLog },
  ) {
    this.#options = options;
    this.#path = folderOf(options.folder, options.id);
    this.damaged = record === "damaged";
    this.record = record === "damaged" ? undefined : record;
    this.#seen = seen;
  }

  /**
   * Reads what was kept of a group. The folder is made when something is first written.
   *
   * @throws {RangeError} for an empty id.
   */
  static async open(options: GroupFolderOptions): Promise<GroupFolder> {
    const { files, folder, id, log } = options;
    if (id === "") throw new RangeError("Cannot keep a group without an id");
    const path = folderOf(folder, id);
    const record = await readRecord(path, options);
    return new GroupFolder(options, { record, seen: await SeenLog.open({ path, files, log }) });
  }

  /** All records below the folder of groups, by id; those that cannot be used are logged and left out. */
  static async list(
    { files, folder, log }: Omit<GroupFolderOptions, "id">,
  ): Promise<readonly GroupRecordFile[]> {
    const records: GroupRecordFile[] = [];
    for (const id of await groupIds({ files, folder, log })) {
      const record = await readRecord(folderOf(folder, id), { files, folder, id, log });
      if (record !== undefined && record !== "damaged") records.push(record);
    }
    return records;
  }

  /** Hex digests of messages that were handled, oldest first; the newest 50,000. */
  get seen(): readonly string[] {
    return this.#seen.digests;
  }

  /** Remembers messages. They are on disk after {@link flush}, where the disk takes them. */
  addSeen(digests: readonly string[]): void {
    this.#seen.add(digests);
  }

  /**
   * Replaces the record; whether it is on disk. Saves come one after the other, and of those that wait
   * only the newest is written, which answers for all of them.
   */
  save(record: GroupRecordFile): Promise<boolean> {
    if (this.#waiting !== undefined) {
      this.#waiting.record = record;
      return this.#waiting.result;
    }
    const result = this.#last.then(() => {
      const newest = this.#waiting?.record ?? record;
      this.#waiting = undefined;
      return this.#replace(newest);
    });
    this.#last = result;
    this.#waiting = { record, result };
    return result;
  }

  /** Resolves when all that was handed over is on disk, or was refused by it. */
  async flush(): Promise<void> {
    await this.#last;
    await this.#seen.flush();
  }

  async #replace(record: GroupRecordFile): Promise<boolean> {
    if (this.damaged) return false;
    const { files } = this.#options;
    const path = `${this.#path}/record.json`;
    try {
      if (record.id !== this.#options.id) throw new RecordError("it is of another group");
      const text = encodeGroupRecord(record);
      if (text === this.#text) return true;
      // What could not be read again must not take the place of what can.
      decodeGroupRecord(text);
      if (utf8(text).length > MAX_RECORD_BYTES) throw new RecordError("it is too large");
      await files.makeFolder(this.#path);
      await files.write(`${path}.tmp`, text);
      await files.rename(`${path}.tmp`, path);
      this.#text = text;
      this.#failed = false;
      return true;
    } catch (error) {
      // Once, until it works again: a full disk would fill the log as well.
      if (!this.#failed) {
        this.#options.log.error(
          `skychat: group record ${quoteForLog(path)} cannot be written: ` +
            quoteForLog(errorText(error)),
        );
      }
      this.#failed = true;
      return false;
    }
  }
}

/** The record of a group; "damaged", which is logged, when there is one that cannot be used. */
async function readRecord(
  folder: string,
  { files, id, log }: GroupFolderOptions,
): Promise<GroupRecordFile | "damaged" | undefined> {
  const path = `${folder}/record.json`;
  try {
    const text = await files.read(path, MAX_RECORD_BYTES);
    if (text === undefined) return undefined;
    const record = decodeGroupRecord(text);
    if (record.id !== id) throw new RecordError("it is of another group");
    return record;
  } catch (error) {
    log.error(
      `skychat: group record ${quoteForLog(path)} cannot be used and is left as it is: ` +
        quoteForLog(errorText(error)),
    );
    return "damaged";
  }
}

/** Ids of the groups that have a folder, sorted. */
async function groupIds({ files, folder, log }: Omit<GroupFolderOptions, "id">): Promise<string[]> {
  try {
    const ids = (await files.list(folder)).map(groupIdOf).filter((id) => id !== undefined);
    return ids.sort().slice(0, MAX_GROUP_FOLDERS);
  } catch (error) {
    log.error(
      `skychat: folder of groups ${quoteForLog(folder)} cannot be read: ` +
        quoteForLog(errorText(error)),
    );
    return [];
  }
}

function folderOf(folder: string, id: string): string {
  return `${folder}/${groupFolderName(id)}`;
}

/**
 * The name of a group's folder: its id, percent-encoded but for letters, digits, `-` and `_`, so that
 * no id is `..` or a path.
 */
export function groupFolderName(id: string): string {
  return encodeURIComponent(id.toWellFormed()).replace(
    /[.!~*'()]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The inverse; undefined for the name of a folder that is no group's. */
function groupIdOf(name: string): string | undefined {
  try {
    const id = decodeURIComponent(name);
    return groupFolderName(id) === name ? id : undefined;
  } catch {
    return undefined;
  }
}

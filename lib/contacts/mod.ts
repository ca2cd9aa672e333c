/**
 * What the user decided about people: names for keys, who is blocked, who needs approval; and how
 * many messages nobody has read.
 *
 * Above `#kit` and `#files`; `#app` plugs it into `#http` and `#chat`. It never sees a message or a link, and
 * touches files only through {@link Files}. Formats: `docs/spec/http-api.md` 4.11, 4.12, 4.18.
 *
 * @example
 * ```ts
 * import { MemoryFiles } from "#files";
 * import { silentLog } from "#kit";
 * import { Contacts } from "#contacts";
 *
 * const files = new MemoryFiles();
 * const contacts = await Contacts.open({ path: "contacts.json", files, log: silentLog });
 * const alice = "02" + "ab".repeat(32);
 * console.assert(await contacts?.set(alice, "  Alice \n A. ") === "Alice A.");
 * console.assert(contacts?.nameOf(alice) === "Alice A.");
 * ```
 *
 * @module
 */
export { cleanName, Contacts, MAX_CONTACTS, MAX_NAME } from "./contacts.ts";
export { ContactsError, type ContactsFault } from "./contacts_error.ts";
export { type JsonFileOptions, MAX_SETTINGS_BYTES } from "./json_file.ts";
export { MAX_WRITTEN_TO, Privacy, type PrivacyOptions, type PrivacyState } from "./privacy.ts";
export { UnreadEstimate } from "./unread.ts";

import { CodedError, utf8, utf8Text } from "#kit";
import { GROUP_KEY_LENGTH } from "./key_rotation.ts";
import { LeafFault } from "./leaf_fault.ts";
import { readWireText, type WireFields, wireKey, wireText } from "./wire_json.ts";

/** What a link says about a group. It is unsigned: nobody vouches for it. */
export interface GroupInvite {
  /** The group; not empty, at most 128 bytes of printable text. */
  readonly id: string;
  /** Display name. */
  readonly name: string;
  /** The founder: 66 hex digits. */
  readonly owner: string;
  /** Port of the group in the visor's network, 1 to 65535; a placeholder over TCP. */
  readonly port: number;
  /** Whether its messages are sealed. */
  readonly mode: "public" | "private";
  /** Its kind, when the link says. */
  readonly kind?: "public" | "private" | "channel";
  /** Further admins to ask: up to three, the founder left out. */
  readonly admins: readonly string[];
  /** Price of a join request in bits, at most 26; 0 for none. */
  readonly powBits: number;
  /** Where members are reached over TCP (ours): `tcp://<pk>@<host:port>`, the owner first. */
  readonly addresses: readonly string[];
}

/** A link that is none; the text is for people. */
export class InviteError extends CodedError {
  /** An error of code `bad-invite`; the text of groups.md 5.1 after `group invite: `. */
  constructor(message: string) {
    super("bad-invite", `group invite: ${message}`);
  }
}

const PREFIX = "skychat:invite:";
/** Characters of a link at most (ours). */
const MAX_LINK = 65_536;
const MAX_ID_BYTES = 128;
/** Bytes of a name at most (ours); the deployed system's own has 64. */
const MAX_NAME_BYTES = 256;
const MAX_ADMINS = 3;
const MAX_POW_BITS = 26;
/** Addresses of a link at most (ours): one for each member that a group may have. */
const MAX_ADDRESSES = 256;
const ADDRESS_FORM = /^(?:tcp:\/\/)?[0-9a-fA-F]{66}@[\x21-\x7e]{1,260}$/;

/** Writes a link: base64url without padding of the JSON in the key order of groups.md 5.1. */
export function formatInvite(invite: GroupInvite): string {
  const { id, name, owner, port, mode, kind, powBits, addresses } = invite;
  const admins = furtherAdmins(invite.admins, owner);
  let json = `{"id":${wireText(id)},"name":${wireText(name)},"owner_pk":${wireKey(owner)}` +
    `,"port":${port},"mode":"${mode}"`;
  if (kind !== undefined) json += `,"kind":"${kind}"`;
  if (admins.length > 0) json += `,"admins":[${admins.map(wireKey).join(",")}]`;
  if (powBits > 0) json += `,"pow_bits":${powBits}`;
  if (addresses.length > 0) json += `,"cxo":[${addresses.map(wireText).join(",")}]`;
  return PREFIX + utf8(`${json}}`).toBase64({ alphabet: "base64url", omitPadding: true });
}

/**
 * Reads a link as people paste it.
 *
 * @throws {InviteError} for anything that is none, with the text to show.
 */
export function parseInvite(text: string): GroupInvite {
  const link = text.trim();
  if (!link.startsWith(PREFIX)) throw new InviteError(`missing "${PREFIX}" prefix`);
  if (link.length > MAX_LINK) throw new InviteError(`longer than ${MAX_LINK} characters`);
  const fields = readWireText(jsonOf(link.slice(PREFIX.length)));
  if (fields instanceof LeafFault) throw new InviteError("json unmarshal: no JSON object");
  const mode = required(fields.text("mode"), "mode");
  if (mode !== "public" && mode !== "private") throw new InviteError(`invalid mode "${mode}"`);
  const id = required(fields.text("id"), "id");
  if (id === "") throw new InviteError("empty ID");
  if (utf8(id).length > MAX_ID_BYTES || /\p{C}/u.test(id)) throw new InviteError("invalid ID");
  const name = required(fields.text("name"), "name");
  if (utf8(name).length > MAX_NAME_BYTES) throw new InviteError("name too long");
  const owner = required(fields.key("owner_pk"), "owner_pk");
  if (owner === "") throw new InviteError("empty OwnerPK");
  const port = Number(required(fields.unsigned("port", 0xffffn), "port"));
  if (port === 0) throw new InviteError("zero Port");
  const kind = kindOf(required(fields.text("kind"), "kind"), mode);
  checkKey(fields, mode);
  return {
    id,
    name,
    owner,
    port,
    mode,
    ...(kind === undefined ? {} : { kind }),
    admins: furtherAdmins(adminsOf(fields), owner),
    powBits: Math.min(
      Number(required(fields.unsigned("pow_bits", 255n), "pow_bits")),
      MAX_POW_BITS,
    ),
    addresses: addressesOf(fields),
  };
}

/** The JSON of a code, which may have been broken into lines on its way. */
function jsonOf(text: string): string {
  const code = text.replace(/[\r\n]/g, "");
  if (!/^[A-Za-z0-9_-]*$/.test(code) || code.length % 4 === 1) {
    throw new InviteError("base64 decode: illegal base64 data");
  }
  return utf8Text(Uint8Array.fromBase64(code, { alphabet: "base64url" }));
}

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new InviteError(`json unmarshal: bad ${name}`);
  return value;
}

function kindOf(kind: string, mode: GroupInvite["mode"]): GroupInvite["kind"] {
  if (kind === "") return undefined;
  const fits = mode === "private" ? kind === "private" : kind === "public" || kind === "channel";
  if (fits && (kind === "private" || kind === "public" || kind === "channel")) return kind;
  throw new InviteError(`kind "${kind}" does not match mode "${mode}"`);
}

/** The key that old links carried is not used; one that cannot be a key marks the link as broken. */
function checkKey(fields: WireFields, mode: GroupInvite["mode"]): void {
  const key = required(fields.bytes("aes_key"), "aes_key");
  if (key.length === 0) return;
  if (mode === "public") throw new InviteError("AESKey set for a public group");
  if (key.length !== GROUP_KEY_LENGTH) {
    throw new InviteError(`AESKey has ${key.length} bytes, want ${GROUP_KEY_LENGTH}`);
  }
}

function adminsOf(fields: WireFields): readonly string[] {
  return required(fields.keys("admins"), "admins");
}

function addressesOf(fields: WireFields): readonly string[] {
  const addresses = required(fields.texts("cxo"), "cxo");
  if (addresses.length > MAX_ADDRESSES) throw new InviteError("too many addresses");
  const wrong = addresses.find((address) => !ADDRESS_FORM.test(address));
  if (wrong !== undefined) throw new InviteError("invalid address");
  return addresses;
}

function furtherAdmins(admins: readonly string[], owner: string): readonly string[] {
  const others = new Set(admins);
  others.delete(owner);
  others.delete("");
  return [...others].slice(0, MAX_ADMINS);
}

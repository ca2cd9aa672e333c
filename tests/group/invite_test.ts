import assert from "node:assert/strict";
import fc from "fast-check";
import { utf8, utf8Text } from "#kit";
import {
  formatInvite,
  type GroupInvite,
  InviteError,
  parseInvite,
} from "../../lib/group/invite.ts";
import { altered, pkOf, vectors } from "./vectors.ts";

const PREFIX = "skychat:invite:";
const JSON_TEXT = vectors.invite.json;
const ALICE = pkOf("alice");

function linkOf(json: Uint8Array): string {
  return PREFIX + json.toBase64({ alphabet: "base64url", omitPadding: true });
}

function refusal(link: string): string {
  try {
    parseInvite(link);
    return "none";
  } catch (thrown) {
    assert.ok(thrown instanceof InviteError);
    assert.equal(thrown.code, "bad-invite");
    return thrown.message;
  }
}

Deno.test("an invite comes back from its link", () => {
  const kinds = fc.constantFrom(
    { mode: "public" } as const,
    { mode: "public", kind: "public" } as const,
    { mode: "public", kind: "channel" } as const,
    { mode: "private" } as const,
    { mode: "private", kind: "private" } as const,
  );
  const invites = fc.record({
    id: fc.oneof(fc.constant(vectors.group_id), fc.stringMatching(/^[a-z0-9 ]{1,40}$/)),
    name: fc.string({ unit: "grapheme" }),
    owner: fc.constant(ALICE),
    port: fc.integer({ min: 1, max: 65_535 }),
    admins: fc.subarray([pkOf("bob"), pkOf("carol"), pkOf("dave")]),
    powBits: fc.nat(26),
    addresses: fc.subarray([`tcp://${ALICE}@10.0.0.1:8802`, `tcp://${pkOf("bob")}@[::1]:8803`]),
  });
  fc.assert(
    fc.property(kinds, invites, (kind, rest) => {
      const invite: GroupInvite = { ...rest, ...kind };
      const link = formatInvite(invite);
      assert.deepEqual(parseInvite(` \n${link}\t`), invite);
      assert.deepEqual(parseInvite(`${link.slice(0, 60)}\r\n${link.slice(60)}`), invite);
    }),
    { numRuns: 60 },
  );
});

Deno.test("a link carries the addresses of members as a further key", () => {
  const address = `tcp://${ALICE}@chat.example:8802`;
  const link = formatInvite({ ...parseInvite(vectors.invite.link), addresses: [address] });
  const bytes = Uint8Array.fromBase64(link.slice(PREFIX.length), { alphabet: "base64url" });
  assert.deepEqual(JSON.parse(utf8Text(bytes)), { ...JSON.parse(JSON_TEXT), cxo: [address] });
});

Deno.test("a link names at most three further admins, the owner left out, and at most 26 bits", () => {
  const names = ["alice", "bob", "bob", "carol", "dave", "erin"];
  const admins = names.map(pkOf);
  const kept = ["bob", "carol", "dave"].map(pkOf);
  const json = altered(JSON_TEXT, { admins: JSON.stringify([...admins, ""]), pow_bits: "255" });
  const invite = parseInvite(linkOf(json));
  assert.deepEqual(invite.admins, kept);
  assert.equal(invite.powBits, 26);
  assert.deepEqual(parseInvite(formatInvite({ ...invite, admins })).admins, kept);
});

Deno.test("an old link with a key is read and the key not used", () => {
  const key = new Uint8Array(32).fill(1).toBase64();
  const invite = parseInvite(linkOf(altered(JSON_TEXT, { aes_key: `"${key}"` })));
  assert.deepEqual(invite, parseInvite(vectors.invite.link));
});

Deno.test("what is no link is refused with the texts of groups.md 5.1", () => {
  const missing = `group invite: missing "${PREFIX}" prefix`;
  assert.equal(refusal(""), missing);
  assert.equal(refusal(vectors.invite.link.replace("skychat", "Skychat")), missing);
  assert.equal(refusal(`x${vectors.invite.link}`), missing);
  for (const code of ["a", "ab=", "ab==", "a+b/", "ab cd", "abcde"]) {
    assert.match(refusal(PREFIX + code), /^group invite: base64 decode: /, code);
  }
  for (const json of ["", "null", "5", "[]", '{"id":', `${JSON_TEXT}x`]) {
    assert.match(refusal(linkOf(utf8(json))), /^group invite: json unmarshal: /, json);
  }
  assert.match(refusal(PREFIX + "a".repeat(65_536)), /^group invite: longer than /);
});

Deno.test("a link with an impossible field is refused with the texts of groups.md 5.1", () => {
  const short = `"${new Uint8Array(31).toBase64()}"`;
  const key = `"${new Uint8Array(32).toBase64()}"`;
  const cases: [Record<string, string>, string][] = [
    [{ id: "" }, "empty ID"],
    [{ id: '""' }, "empty ID"],
    [{ id: '"a\\u0007b"' }, "invalid ID"],
    [{ id: JSON.stringify("é".repeat(65)) }, "invalid ID"],
    [{ owner_pk: "" }, "empty OwnerPK"],
    [{ owner_pk: `"${"0".repeat(66)}"` }, "empty OwnerPK"],
    [{ port: "" }, "zero Port"],
    [{ port: "0" }, "zero Port"],
    [{ mode: "" }, 'invalid mode ""'],
    [{ mode: '"secret"' }, 'invalid mode "secret"'],
    [{ kind: '"public"' }, 'kind "public" does not match mode "private"'],
    [{ kind: '"channel"' }, 'kind "channel" does not match mode "private"'],
    [{ kind: '"room"' }, 'kind "room" does not match mode "private"'],
    [{ mode: '"public"' }, 'kind "private" does not match mode "public"'],
    [{ mode: '"public"', kind: '"room"' }, 'kind "room" does not match mode "public"'],
    [{ aes_key: short }, "AESKey has 31 bytes, want 32"],
    [{ mode: '"public"', kind: "", aes_key: key }, "AESKey set for a public group"],
    [{ port: "65536" }, "json unmarshal: bad port"],
    [{ port: "-1" }, "json unmarshal: bad port"],
    [{ owner_pk: '"02"' }, "json unmarshal: bad owner_pk"],
    [{ name: "5" }, "json unmarshal: bad name"],
    [{ name: JSON.stringify("é".repeat(129)) }, "name too long"],
    [{ pow_bits: "256" }, "json unmarshal: bad pow_bits"],
    [{ admins: '["02"]' }, "json unmarshal: bad admins"],
    [{ cxo: "[5]" }, "json unmarshal: bad cxo"],
    [{ cxo: '["tcp://host:1"]' }, "invalid address"],
    [{ cxo: `["tcp://${ALICE}@${"a".repeat(261)}"]` }, "invalid address"],
    [{ cxo: JSON.stringify(Array(257).fill(`tcp://${ALICE}@h:1`)) }, "too many addresses"],
  ];
  for (const [literals, text] of cases) {
    assert.equal(refusal(linkOf(altered(JSON_TEXT, literals))), `group invite: ${text}`);
  }
});

Deno.test("no text makes parseInvite throw anything but an InviteError", () => {
  const fields = fc.dictionary(
    fc.constantFrom(...Object.keys(JSON.parse(JSON_TEXT)), "cxo", "aes_key"),
    fc.jsonValue(),
  );
  fc.assert(fc.property(fc.string(), (text) => void refusal(PREFIX + text)));
  fc.assert(
    fc.property(fields, (changes) => {
      const json = { ...JSON.parse(JSON_TEXT), ...changes };
      refusal(linkOf(utf8(JSON.stringify(json))));
    }),
    { numRuns: 500 },
  );
});

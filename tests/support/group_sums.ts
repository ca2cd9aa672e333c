import assert from "node:assert/strict";
import { FieldReader } from "../../lib/store/byte_fields.ts";
import { groupRecordSentAt, groupRecordTime } from "../../lib/store/group_codec.ts";
import { decodePart, decodeTotal, type GroupSums } from "../../lib/store/group_table.ts";
import {
  groupOfPart,
  groupPartsRange,
  groupPlace,
  groupsRange,
  groupSumsKey,
} from "../../lib/store/keyspace.ts";
import { RECORD_KEY_BYTES } from "../../lib/store/policy.ts";
import { wholeRows } from "../../lib/store/whole_rows.ts";

const NOTHING = { count: 0, bytes: 0, shift: 0, ahead: 0n };

/** What the rows of a closed store say of its groups, against what is there. */
export async function assertGroupSums(path: string): Promise<void> {
  const kv = await Deno.openKv(path);
  try {
    const found = await counted(kv);
    const parts = new Map<string, GroupSums>();
    for await (const { key, value } of kv.list<Uint8Array>(groupPartsRange())) {
      parts.set(groupOfPart(key), decodePart(value));
    }
    assert.deepEqual([...parts.keys()].sort(), [...found.keys()].sort());
    let [count, bytes] = [0, 0];
    for (const [group, sums] of found) {
      const said = parts.get(group);
      assert.deepEqual([said?.count, said?.bytes], [sums.count, sums.bytes], group);
      assert.ok(said !== undefined && said.newest >= sums.newest && said.shift >= sums.shift);
      assert.ok(said.ahead >= sums.ahead, group);
      count += sums.count;
      bytes += sums.bytes;
    }
    const { value } = await kv.get<Uint8Array>(groupSumsKey());
    const total = value === null ? { count: 0, bytes: 0 } : decodeTotal(value);
    assert.deepEqual(total, { count, bytes });
    if (value !== null) assert.equal(new FieldReader(value).number(), count);
  } finally {
    kv.close();
  }
}

async function counted(kv: Deno.Kv): Promise<ReadonlyMap<string, GroupSums>> {
  const found = new Map<string, GroupSums>();
  for await (const { key, value } of wholeRows(kv, groupsRange(), { keyParts: 3 })) {
    const { group, at } = groupPlace(key);
    const { count, bytes, shift, ahead } = found.get(group) ?? NOTHING;
    const more = Number(at - (groupRecordTime(value, at) ?? at));
    const further = (groupRecordSentAt(value, at) ?? at) - at;
    found.set(group, {
      count: count + 1,
      bytes: bytes + RECORD_KEY_BYTES + value.length,
      newest: at,
      shift: Math.max(shift, more),
      ahead: further > ahead ? further : ahead,
    });
  }
  return found;
}

/** How keys come and go (groups.md 3). */
import assert from "node:assert/strict";
import type { PublicKey } from "#crypto";
import { GROUP_ID } from "#support/group_scene.ts";
import { secretOf } from "#support/feed_node.ts";
import { ManualClock } from "#support/manual_clock.ts";
import { SeededRandom } from "#support/seeded_random.ts";
import { GroupKeys, MAX_EPOCH_STEP } from "../../lib/group/group_keys.ts";
import { KeyRing } from "../../lib/group/key_ring.ts";
import { type KeyRotation, signRotation, wrapGroupKey } from "../../lib/group/key_rotation.ts";

const clock = new ManualClock();
const random = new SeededRandom(1);
const [ADMIN, MEMBER, OTHER] = [secretOf(1), secretOf(2), secretOf(3)];

/** Keys of a member, with a key of epoch 7 unless it has none yet; and what was told of rotations. */
function keysOf({ isAdmin = () => true, epoch = 7n }: {
  isAdmin?: (pk: string) => boolean;
  epoch?: bigint | undefined;
} = {}): { keys: GroupKeys; told: KeyRotation[] } {
  const told: KeyRotation[] = [];
  const current = { epoch, key: new Uint8Array(32).fill(7), issuedAt: clock.wall() - 1_000n };
  const keys = new GroupKeys({
    ...{ clock, groupId: GROUP_ID, isAdmin, random, secret: MEMBER, watermark: undefined },
    ring: new KeyRing(epoch < 0n ? undefined : current),
    onRotation: (rotation) => void told.push(rotation),
  });
  return { keys, told };
}

let issued = 0n;

/** A rotation of the admin for these members. */
function rotationTo(epoch: bigint, ...members: PublicKey[]): KeyRotation {
  const wraps = wrapGroupKey(random.bytes(32), {
    recipients: members,
    ephemeral: secretOf(77),
    random,
  });
  return signRotation(ADMIN, {
    groupId: GROUP_ID,
    epoch,
    wraps,
    issuedAt: clock.wall() + ++issued,
  });
}

Deno.test("the epoch of a new key is at most so much higher, and one that is not is told to nobody", () => {
  const { keys, told } = keysOf();
  const { publicKey } = MEMBER;
  for (const epoch of [2n ** 64n - 1n, 8n + MAX_EPOCH_STEP]) {
    assert.equal(keys.take(rotationTo(epoch, publicKey)), false);
  }
  assert.equal(keys.ring.current?.epoch, 7n);
  assert.deepEqual(told, []);
  assert.equal(keys.take(rotationTo(7n + MAX_EPOCH_STEP, publicKey)), true);
  assert.equal(keys.ring.current?.epoch, 7n + MAX_EPOCH_STEP);
  assert.equal(keys.rotate([publicKey]).rotation?.epoch, 8n + MAX_EPOCH_STEP);
});

Deno.test("who has no key yet takes one of any epoch that leaves room for the next ones", () => {
  const { keys } = keysOf({ epoch: -1n });
  assert.equal(keys.take(rotationTo(2n ** 63n, MEMBER.publicKey)), false);
  assert.equal(keys.take(rotationTo(100_000_000n, MEMBER.publicKey)), true);
  assert.equal(keys.ring.current?.epoch, 100_000_000n);
});

Deno.test("a rotation that was taken is known, under whatever signature; one that waits is not", () => {
  let admin = false;
  const { keys, told } = keysOf({ isAdmin: () => admin });
  const mine = rotationTo(8n, MEMBER.publicKey);
  const others = rotationTo(9n, OTHER.publicKey);
  assert.equal(keys.take(mine), false);
  assert.equal(keys.wasTaken(mine), false);
  admin = true;
  assert.equal(keys.retry(), true);
  assert.equal(keys.take(others), false);
  for (const rotation of [mine, others]) {
    assert.ok(keys.wasTaken({ ...rotation, signature: new Uint8Array(65).fill(1) }));
    assert.ok(!keys.wasTaken({ ...rotation, epoch: 12n }));
    assert.ok(!keys.wasTaken({ ...rotation, groupId: "" }));
  }
  assert.deepEqual(told.map(({ epoch }) => epoch), [8n, 9n]);
});

Deno.test("a rotation that nobody signed is not remembered in the place of the genuine one", () => {
  const { keys } = keysOf();
  const rotation = rotationTo(8n, MEMBER.publicKey);
  assert.equal(keys.take({ ...rotation, signature: new Uint8Array(65).fill(1) }), false);
  assert.ok(!keys.wasTaken(rotation));
  assert.equal(keys.take(rotation), true);
});

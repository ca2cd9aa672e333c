import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteQueue, concat } from "#kit";

Deno.test("ByteQueue gives back what was pushed, however it is cut and taken", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }),
      fc.array(fc.nat(200), { maxLength: 60 }),
      (chunks, takes) => {
        const queue = new ByteQueue();
        const taken: Uint8Array[] = [];
        const wanted = [...takes];
        for (const chunk of chunks) {
          queue.push(chunk.slice());
          const bytes = queue.take(wanted.shift() ?? 0);
          if (bytes !== undefined) taken.push(bytes);
        }
        const rest = queue.take(queue.length);
        assert.ok(rest);
        assert.deepEqual(concat(...taken, rest), concat(...chunks));
        assert.equal(queue.length, 0);
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("ByteQueue leaves bytes that were taken untouched when more arrive", () => {
  const queue = new ByteQueue();
  queue.push(Uint8Array.of(1, 2, 3));
  queue.push(Uint8Array.of(4));
  const first = queue.take(2);
  for (let index = 0; index < 400; index++) queue.push(Uint8Array.of(9, 9));
  assert.deepEqual(first, Uint8Array.of(1, 2));
  assert.deepEqual(queue.take(2), Uint8Array.of(3, 4));
});

Deno.test("ByteQueue never writes into memory behind a pushed chunk", () => {
  const shared = Uint8Array.of(1, 2, 3, 4);
  const queue = new ByteQueue();
  queue.push(shared.subarray(0, 2));
  queue.push(Uint8Array.of(8, 8));
  assert.deepEqual(shared, Uint8Array.of(1, 2, 3, 4));
  assert.deepEqual(queue.take(4), Uint8Array.of(1, 2, 8, 8));
});

Deno.test("ByteQueue take and peek return undefined when there is too little", () => {
  const queue = new ByteQueue();
  queue.push(Uint8Array.of(0, 0, 1));
  assert.equal(queue.take(4), undefined);
  assert.equal(queue.peekUint32(), undefined);
  assert.equal(queue.peekUint16(), 0);
  queue.push(Uint8Array.of(2));
  assert.equal(queue.peekUint32(), 0x0102);
  queue.clear();
  assert.equal(queue.length, 0);
  assert.equal(queue.take(1), undefined);
});

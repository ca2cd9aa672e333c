import assert from "node:assert/strict";
import { cryptoPrimitives } from "../bench/crypto_primitives.ts";

Deno.test("the table of primitives has every operation under every implementation", async () => {
  const rows = await cryptoPrimitives({ batchMs: 0.01, batches: 1 });
  const names = (backend: string) => rows.filter((row) => row.backend === backend).length;
  assert.deepEqual([names("libsecp256k1-wasm"), names("libsodium-wasm"), names("noble")], [
    6,
    11,
    20,
  ]);
  assert.ok(rows.every(({ microseconds }) => microseconds > 0 && Number.isFinite(microseconds)));
});

/** Bounds of direct chat and of the part that speaks with a visor, of which neither knows the other. */
import assert from "node:assert/strict";
import { MAX_ASIDE_DIALS, MAX_LINK_DIALS, MAX_LINKS, MAX_MESH_DIALS, MAX_QUEUE_DIALS } from "#chat";
import { MAX_CONNECTIONS } from "#http";
import { MAX_VISOR_DIALS } from "../../lib/visor/call_room.ts";
import { MAX_MESH_LINKS } from "../../lib/visor/mesh_links.ts";

const DIALS = MAX_MESH_DIALS + MAX_LINK_DIALS + MAX_QUEUE_DIALS + MAX_ASIDE_DIALS;

Deno.test("a visor is given every dial of direct chat, while it still has as many that were given up", () => {
  assert.ok(2 * DIALS <= MAX_VISOR_DIALS);
});

Deno.test("direct chat says which connections over the mesh stay, not the part below it", () => {
  assert.ok(MAX_MESH_LINKS >= MAX_LINKS + DIALS);
});

Deno.test("messages that wait for dials leave connections to the control surface", () => {
  assert.ok(2 * MAX_MESH_DIALS <= MAX_CONNECTIONS);
});

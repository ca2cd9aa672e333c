import assert from "node:assert/strict";
import { systemTerminal } from "../../cli/terminal.ts";

Deno.test("systemTerminal always has a size", () => {
  const { columns, rows } = systemTerminal().size();
  assert.ok(columns > 0 && rows > 0);
});

Deno.test("systemTerminal stops listening when it is told to", () => {
  const terminal = systemTerminal();
  // The test runner fails when a signal listener is left behind.
  terminal.onResize(() => {})();
  let crashes = 0;
  const forget = terminal.onCrash(() => crashes++);
  dispatchEvent(new Event("unload"));
  forget();
  dispatchEvent(new Event("unload"));
  assert.equal(crashes, 1);
});

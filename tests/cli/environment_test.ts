import assert from "node:assert/strict";
import { wantsColour } from "../../cli/environment.ts";

Deno.test("wantsColour asks NO_COLOR first, then the forcing variables, then the terminal", () => {
  assert.equal(wantsColour({}, true), true);
  assert.equal(wantsColour({}, false), false);
  assert.equal(wantsColour({ NO_COLOR: "" }, true), true);
  assert.equal(wantsColour({ NO_COLOR: "1", FORCE_COLOR: "1" }, true), false);
  assert.equal(wantsColour({ CLICOLOR_FORCE: "1" }, false), true);
  assert.equal(wantsColour({ FORCE_COLOR: "false" }, true), false);
});

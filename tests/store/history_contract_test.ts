import { MemoryHistory, openHistory } from "#store";
import { SELF } from "#support/stored_messages.ts";
import { historySuite } from "../contract/history_suite.ts";

historySuite({
  name: "MemoryHistory",
  make: (making) =>
    Promise.resolve({
      history: new MemoryHistory({ self: SELF, ...making }),
      cleanUp: () => Promise.resolve(),
    }),
});

historySuite({
  name: "openHistory",
  async make({ whitelist, ...making }) {
    const folder = await Deno.makeTempDir();
    const whitelistPath = whitelist && `${folder}/whitelist`;
    if (whitelistPath !== undefined) {
      await Deno.writeTextFile(whitelistPath, [...whitelist ?? []].join("\n"));
    }
    const path = `${folder}/history.db`;
    return {
      history: await openHistory({ self: SELF, path, whitelistPath, ...making }),
      cleanUp: () => Deno.remove(folder, { recursive: true }),
    };
  },
});

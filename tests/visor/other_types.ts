import type { GobStructType } from "#visor";
import { STRING, UINT } from "../../lib/visor/visor_types.ts";

/** The argument of the calls that set a deadline, which upstream makes and we do not (visor.md 7.4). */
export const DEADLINE_REQ: GobStructType = {
  kind: "struct",
  name: "DeadlineReq",
  fields: [
    { name: "ConnID", type: UINT },
    { name: "Deadline", type: { kind: "opaque", flavour: "gob", name: "Time" } },
  ],
};

/** The argument of `Notify`, which newer visors have and we do not call. */
export const NOTIFY_REQ: GobStructType = {
  kind: "struct",
  name: "NotifyReq",
  fields: ["App", "Title", "Body", "Tag"].map((name) => ({ name, type: STRING })),
};

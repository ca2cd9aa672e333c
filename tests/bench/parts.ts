import { bulkPart } from "./bulk_part.ts";
import { cryptoPart } from "./crypto_part.ts";
import { cxoPart } from "./cxo_part.ts";
import { durablePart } from "./durable_part.ts";
import { fanOutPart } from "./fan_out_part.ts";
import { groupPart } from "./group_part.ts";
import { handshakePart } from "./handshake_part.ts";
import { memberPart } from "./member_part.ts";
import { memoryPart } from "./memory_part.ts";
import { longMeshPart, meshPart } from "./mesh_part.ts";
import { oneShotPart } from "./one_shot_part.ts";
import { pipelinePart } from "./pipeline_part.ts";
import { recordsPart } from "./records_part.ts";
import { roundTripPart } from "./round_trip_part.ts";
import type { Part } from "./rounds.ts";
import { searchPart } from "./search_part.ts";
import { sessionPart } from "./session_part.ts";
import { storePart } from "./store_part.ts";
import { visorPart } from "./visor_part.ts";

/** Everything the bench measures, in the order in which it runs. */
export const PARTS: readonly Part[] = [
  cryptoPart,
  handshakePart,
  recordsPart,
  sessionPart,
  roundTripPart,
  pipelinePart,
  bulkPart,
  memoryPart,
  fanOutPart,
  storePart,
  searchPart,
  durablePart,
  cxoPart,
  groupPart,
  memberPart,
  meshPart,
  longMeshPart,
  visorPart,
  oneShotPart,
];

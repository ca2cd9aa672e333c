import { whole } from "./replies.ts";

/**
 * A JSON reply in which a `bigint` is written as an integer, to its last digit: nanoseconds since 1970
 * do not fit into a number of JavaScript.
 */
export function exactJsonReply(value: unknown): Response {
  return whole(200, `${exactJson(value) ?? "null"}\n`, { "content-type": "application/json" });
}

/** The text; undefined for what JSON has no form for, which objects leave out. */
function exactJson(value: unknown): string | undefined {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "string") return JSON.stringify(value.toWellFormed());
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => exactJson(item) ?? "null").join()}]`;
  const fields: string[] = [];
  for (const [name, field] of Object.entries(value)) {
    const text = exactJson(field);
    if (text !== undefined) fields.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${fields.join()}}`;
}

import { KeyError, PublicKey } from "#crypto";
import { CodedError, quoteForLog } from "#kit";
import type { Context, Hono } from "hono";
import * as v from "valibot";
import type { ArchiveReader } from "./archive_reader.ts";
import type { GroupRefusalCode } from "./group_port.ts";
import { BodyError, firstJsonValue } from "./json_body.ts";
import { textReply } from "./replies.ts";

/** What comes with a request besides itself: hono's bindings. */
export interface RouteBindings {
  Bindings: {
    /** What came of the body of `POST /import`. */
    readonly archive?: ArchiveReader | undefined;
  };
}

/** A request inside a route. */
export type RouteContext = Context<RouteBindings>;

/** Answers a request. What it throws is for {@link refusalOf}. */
export type Handler = (c: RouteContext) => Response | Promise<Response>;

/** One row of the route table (http-api.md 3). */
export interface Route {
  /** In hono's notation: `/outbox/:id`. */
  readonly path: string;
  /** A handler for each method in the order of the 405 text, or one for whatever method. */
  readonly on: Handler | Readonly<Record<string, Handler>>;
}

/** Adds routes to an application, each with the method rule of http-api.md 1.3. */
export function mount(app: Hono<RouteBindings>, routes: readonly Route[]): void {
  for (const { path, on } of routes) app.all(path, typeof on === "function" ? on : byMethod(on));
}

/** Another method than these gets 405 `<METHODS> only`. */
export function byMethod(handlers: Readonly<Record<string, Handler>>): Handler {
  const methods = Object.keys(handlers);
  return (c) => {
    const handler = Object.hasOwn(handlers, c.req.method) ? handlers[c.req.method] : undefined;
    if (handler !== undefined) return handler(c);
    return textReply(405, `${methods.join(" or ")} only`, { allow: methods.join(", ") });
  };
}

/** A text field; absent and null are the empty text, as in the deployed system. */
export const textField = v.optional(v.nullable(v.string("must be a string"), ""), "");
/** A field that has to be there. */
export const booleanField = v.boolean("must be true or false");
/** A field that may be left out, and then is false. */
export const flagField = v.optional(v.nullable(booleanField, false), false);

/**
 * The fields of a JSON body; unknown ones are left out.
 *
 * @throws {BodyError} `invalid body: …`
 */
export async function readFields<Entries extends v.ObjectEntries>(
  c: RouteContext,
  schema: v.ObjectSchema<Entries, undefined>,
): Promise<v.InferOutput<v.ObjectSchema<Entries, undefined>>> {
  return parseFields(await c.req.text(), schema);
}

/** {@link readFields} for a body at hand. */
export function parseFields<Entries extends v.ObjectEntries>(
  body: string,
  schema: v.ObjectSchema<Entries, undefined>,
): v.InferOutput<v.ObjectSchema<Entries, undefined>> {
  let value: unknown;
  try {
    value = firstJsonValue(body);
  } catch (thrown) {
    throw thrown instanceof BodyError ? invalidBody(thrown.reason) : thrown;
  }
  const result = v.safeParse(schema, Array.isArray(value) ? undefined : value, {
    abortEarly: true,
  });
  if (result.success) return result.output;
  throw invalidBody(fieldProblem(result.issues[0]));
}

/** What is wrong with which field, or that the body is no object. */
export function fieldProblem(issue: v.BaseIssue<unknown>): string {
  const field = issue.path?.[0]?.key;
  if (field === undefined) return "body must be a JSON object";
  // Of an absent field valibot has its own text, which says nothing to a client.
  const text = issue.kind === "schema" && issue.type === "object" ? "is missing" : issue.message;
  return `${String(field)} ${text}`;
}

/**
 * The key in a field or parameter.
 *
 * @throws {BodyError} `invalid pk: …`
 */
export function readKey(text: string): PublicKey {
  let key: PublicKey | undefined;
  try {
    key = PublicKey.parseField(text);
  } catch (thrown) {
    throw thrown instanceof KeyError ? new BodyError(`invalid pk: ${thrown.message}`) : thrown;
  }
  if (key === undefined) throw new BodyError("invalid pk: empty public key");
  return key;
}

const GROUP_STATUS: Readonly<Record<GroupRefusalCode, number>> = {
  "no-such-group": 404,
  "no-such-message": 404,
  "bad-group-request": 400,
  "group-forbidden": 403,
  "group-not-uuid": 409,
  "group-conflict": 409,
  "group-unsupported": 501,
  "group-failed": 500,
  "group-unavailable": 503,
};

/** Codes of what `ContactsPort`, `PrivacyPort` and `GroupsPort` throw -> status. */
const STATUS: ReadonlyMap<string, number> = new Map([
  ["contacts-invalid-key", 400],
  ["contacts-full", 400],
  ["contacts-unavailable", 503],
  ...Object.entries(GROUP_STATUS),
]);

/** The answer to what a handler threw, or undefined for a mistake of ours. */
export function refusalOf(thrown: unknown): Response | undefined {
  if (thrown instanceof BodyError) return textReply(400, thrown.message);
  if (!(thrown instanceof CodedError)) return undefined;
  const status = STATUS.get(thrown.code);
  if (status === undefined) return undefined;
  if (thrown.code === "no-such-group") return textReply(status, "no such group");
  // What a group says may hold what peers made up; a refusal is one line.
  return textReply(status, quoteForLog(thrown.message));
}

function invalidBody(reason: string): BodyError {
  return new BodyError(`invalid body: ${reason}`);
}

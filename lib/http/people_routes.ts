import * as v from "valibot";
import type { ContactsPort, ControlPorts, PrivacyPort } from "./ports.ts";
import { jsonReply, textReply } from "./replies.ts";
import {
  booleanField,
  type Handler,
  readFields,
  type Route,
  type RouteContext,
  textField,
} from "./route.ts";

const CONTACT_BODY = v.object({ pk: textField, name: textField });
const NAMES = v.custom<Readonly<Record<string, unknown>>>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "must be an object",
);
const IMPORT_BODY = v.object({ names: v.optional(v.nullable(NAMES)) });
const APPROVAL_BODY = v.object({ approval: booleanField });
const BLOCK_BODY = v.object({ pk: textField, blocked: booleanField });
const ACCEPT_BODY = v.object({ pk: textField });

/** The address book (http-api.md 4.11) and who may write to us (4.12). */
export function peopleRoutes(
  ports: Pick<ControlPorts, "contacts" | "privacy">,
): readonly Route[] {
  return [
    {
      path: "/contacts",
      on: {
        GET: () => jsonReply(ports.contacts?.all() ?? {}),
        POST: withContacts(ports, postContact),
      },
    },
    { path: "/contacts/import", on: { POST: withContacts(ports, postNames) } },
    {
      path: "/privacy",
      on: {
        GET: withPrivacy(ports, () => Promise.resolve()),
        POST: withPrivacy(ports, async (c, privacy) => {
          await privacy.setApproval((await readFields(c, APPROVAL_BODY)).approval);
        }),
      },
    },
    {
      path: "/privacy/block",
      on: {
        POST: withPrivacy(ports, async (c, privacy) => {
          const { pk, blocked } = await readFields(c, BLOCK_BODY);
          await privacy.block(pk, blocked);
        }),
      },
    },
    {
      path: "/privacy/accept",
      on: {
        POST: withPrivacy(ports, async (c, privacy) => {
          await privacy.accept((await readFields(c, ACCEPT_BODY)).pk);
        }),
      },
    },
  ];
}

async function postContact(c: RouteContext, contacts: ContactsPort): Promise<Response> {
  const { pk, name } = await readFields(c, CONTACT_BODY);
  return jsonReply({ name: await contacts.set(pk, name), pk });
}

async function postNames(c: RouteContext, contacts: ContactsPort): Promise<Response> {
  const { names } = await readFields(c, IMPORT_BODY);
  return jsonReply({ added: await contacts.merge(names ?? {}) });
}

function withContacts(
  ports: Pick<ControlPorts, "contacts">,
  handler: (c: RouteContext, contacts: ContactsPort) => Promise<Response>,
): Handler {
  return (c) =>
    ports.contacts === undefined
      ? textReply(503, "address book unavailable")
      : handler(c, ports.contacts);
}

/** Every request about privacy is answered with the state that it leads to. */
function withPrivacy(
  ports: Pick<ControlPorts, "privacy">,
  change: (c: RouteContext, privacy: PrivacyPort) => Promise<void>,
): Handler {
  return async (c) => {
    const { privacy } = ports;
    if (privacy === undefined) return textReply(503, "privacy settings unavailable");
    await change(c, privacy);
    return jsonReply(await privacy.state());
  };
}
